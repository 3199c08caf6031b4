#include "index/ledger.h"

#include <functional>
#include <string>
#include <utility>

#include <doctest/doctest.h>

#include "tests/unit/index/dump.h"
#include "tests/unit/index/facts.h"
#include "tests/unit/index/model_world.h"
#include "tests/unit/temp_dir.h"

namespace layergate::index {
namespace {

std::string dump(Store& store) {
  Index index{Index::Options{}};
  store.load(index);
  return dump(index);
}

// A store, an index, and the ledger that keeps them alike.
struct Kept {
  TempDir dir;
  Store store{dir / "index.db", Store::Mode::write};
  SharedIndex index{Index::Options{}};
  Ledger ledger{index, [this](const std::function<void(Store&)>& change) {
                  store.begin();
                  change(store);
                  store.commit();
                }};

  [[nodiscard]] std::string in_memory() {
    return index.read([](const Index& facts) { return dump(facts); });
  }
};

}  // namespace

TEST_CASE("ledger: after each of thousands of changes the store holds what the memory does") {
  constexpr unsigned kWorlds = 100;
  constexpr int kChanges = 40;
  const TempDir dir("/dev/shm");  // what each commit waits for on a disk is no matter here
  for (unsigned seed = 1; seed <= kWorlds; ++seed) {
    CAPTURE(seed);
    Store store(dir / (std::to_string(seed) + ".db"), Store::Mode::write);
    model::World world(seed, [&](const std::function<void(Store&)>& change) {
      store.begin();
      change(store);
      store.commit();
    });
    for (int change = 0; change < kChanges; ++change) {
      REQUIRE(world.change() == "");
      const auto on_disk = dump(store);
      const auto in_memory = dump(world.index());
      REQUIRE_MESSAGE(on_disk == in_memory, world.dump() << "\non disk:\n"
                                                         << on_disk << "\nin memory:\n"
                                                         << in_memory);
    }
  }
}

TEST_CASE("ledger: what changed nothing writes nothing") {
  SharedIndex index{Index::Options{}};
  int written = 0;
  Ledger ledger(index, [&](const auto&) { ++written; });
  ledger.change([](Index& facts) {
    facts.remove_tag("r", "t", kNow);
    facts.remove_manifest("r", digest_of("app"), kNow);
    facts.remove_blob("r", digest_of("layer"));
    facts.forget(0, 1000, kNow);
  });
  CHECK(written == 0);
  CHECK(index.read([](const Index& facts) { return facts.find_repository("r") == nullptr; }));
  ledger.change([](Index& facts) { facts.add_manifest("r", image("app", {}), kNow); });
  CHECK(written == 1);
}

// Between the two, another thread may have changed it once more.
TEST_CASE("ledger: what is written down is as it is then, not as it was remembered") {
  Kept kept;
  auto uploaded = kept.ledger.remember(
      [](Index& facts) { facts.possess("r", digest_of("layer"), "alice", Held::blob, kNow); });
  kept.ledger.change([](Index& facts) { facts.remove_blob("r", digest_of("layer")); });
  kept.ledger.write_down(std::move(uploaded));
  CHECK(dump(kept.store) == kept.in_memory());
}

TEST_CASE("ledger: who put a referrer stays on disk when it is found in the registry again") {
  Kept kept;
  for (const auto* account : {"alice", ""}) {
    kept.ledger.change(
        [&](Index& facts) { facts.add_manifest("r", referrer("sig", "app", account), kNow); });
  }
  Index loaded{Index::Options{}};
  kept.store.load(loaded);
  const auto record = loaded.record_of(node_of(loaded, "r", digest_of("sig")));
  CHECK(record.putters == std::vector<Putter>{{"alice", "10.0.0.1"}, {"", ""}});
}

TEST_CASE(
    "ledger: who an account is stays on disk, and that nothing of the one before is its own") {
  Kept kept;
  const auto set = [&](const std::vector<AccountRecord>& accounts) {
    kept.ledger.change([&](Index& facts) { facts.set_accounts(accounts); });
    CHECK(dump(kept.store) == kept.in_memory());
    Index loaded{Index::Options{}};
    kept.store.load(loaded);
    CHECK(loaded.has_accounts(accounts));
  };
  const auto since = acl::kTestNow;
  set({{"alice", since}, {"bob", {}}});
  kept.ledger.change([](Index& facts) {
    facts.add_manifest("r", referrer("app", "base", "alice"), kNow);
    facts.set_tag("r", tag("old", "app", "alice"), kNow);
    facts.set_tag("r", tag("v1", "app", "alice"), kNow);
    facts.remove_tag("r", "old", kNow);
    facts.possess("r", digest_of("layer"), "alice", Held::blob, kNow);
    facts.possess("r", digest_of("layer"), "bob", Held::blob, kNow);
  });
  const auto before = kept.in_memory();
  set({{"bob", {}}});
  CHECK(kept.in_memory() == before);
  set({{"alice", since}, {"bob", {}}});
  CHECK(kept.in_memory().find("v1 " + digest_of("app") + " -") != std::string::npos);
  set({{"bob", since}});
}

}  // namespace layergate::index
