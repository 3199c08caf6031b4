#include "manage/managed_policy.h"

#include <algorithm>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "acl/loader.h"
#include "base/yaml_writer.h"
#include "tests/unit/temp_dir.h"

namespace layergate::manage {
namespace {

const char* const kAcl =
    "version: 1  # by hand\n"
    "users: {root: {permissions: [admin]}}\n";

class Dir {
 public:
  explicit Dir(const std::string& acl = kAcl) { write_text(acl_file(), acl); }

  [[nodiscard]] std::filesystem::path acl_file() const { return dir_ / "acl.yml"; }
  [[nodiscard]] std::filesystem::path managed() const { return dir_ / "acl.d/managed.yml"; }
  [[nodiscard]] std::filesystem::path path() const { return dir_.path(); }
  [[nodiscard]] bool has_account(const std::string& name) const {
    const auto loaded = acl::load(acl_file(), wall_now());
    REQUIRE(loaded.policy != nullptr);
    const auto accounts = loaded.policy->accounts();
    return std::find(accounts.begin(), accounts.end(), name) != accounts.end();
  }

 private:
  TempDir dir_;
};

using Edit = std::function<Done(yaml::Node&, const PolicyFiles&)>;

Edit add_user(const std::string& name, const std::vector<std::string>& permissions) {
  return [=](yaml::Node& root, const PolicyFiles& /*present*/) -> Done {
    auto& user = yaml::child(yaml::child(root, "users"), name);
    yaml::child(user, "permissions") = yaml::list_of(permissions);
    return {};
  };
}

tl::expected<PolicyFiles, Failure> make(const std::filesystem::path& acl_file, const Edit& edit,
                                        const std::function<Done()>& before_write = {},
                                        const Terms& terms = {}) {
  return change_managed_policy(acl_file, {edit, before_write}, terms);
}

}  // namespace

TEST_CASE("managed policy: the first change makes the file, the next keeps what is there") {
  const Dir dir;
  REQUIRE(make(dir.acl_file(), add_user("alice", {"view"})).has_value());
  CHECK(dir.has_account("alice"));
  CHECK(read_text(dir.managed()).find("# Written by layergate") == 0);
  REQUIRE(make(dir.acl_file(), add_user("bob", {"view", "pull"})).has_value());
  CHECK(dir.has_account("alice"));
  CHECK(dir.has_account("bob"));
  CHECK(dir.has_account("root"));
  // What ops wrote is never written again.
  CHECK(read_text(dir.acl_file()) == kAcl);
}

TEST_CASE("managed policy: a change that the whole policy does not take is not made") {
  const Dir dir(std::string(kAcl) +
                "tests:\n"
                "  - {user: root, action: pull, image: \"a:b\", expect: allow}\n");
  REQUIRE(make(dir.acl_file(), add_user("alice", {"view"})).has_value());
  const auto before = read_text(dir.managed());

  const auto deny_root = [](yaml::Node& root, const PolicyFiles& /*present*/) -> Done {
    yaml::Node rule;
    yaml::child(rule, "who") = yaml::list_of({"*"});
    yaml::child(rule, "images") = yaml::list_of({"a"});
    yaml::child(rule, "deny") = yaml::list_of({"pull"});
    auto& rules = yaml::child(root, "rules");
    rules.kind = yaml::Node::Kind::sequence;
    rules.items.push_back(rule);
    return {};
  };
  const Edit kRefused[] = {
      deny_root,                     // a test of acl.yml fails
      add_user("bob", {"fly"}),      // no such permission
      add_user("root", {"view"}),    // stands in acl.yml already
      add_user("not a name\n", {}),  // no account name
      [](yaml::Node& root, const PolicyFiles& /*present*/) -> Done {
        yaml::child(root, "immutable") = yaml::list_of({"a"});  // only ops may say so
        return {};
      },
  };
  for (const auto& edit : kRefused) {
    const auto changed = make(dir.acl_file(), edit);
    REQUIRE_FALSE(changed.has_value());
    CHECK(changed.error().kind == Failure::Kind::invalid);
    CHECK_FALSE(changed.error().what.empty());
    CHECK(read_text(dir.managed()) == before);
  }
}

TEST_CASE("managed policy: what the edit itself refuses is passed on, and nothing is written") {
  const Dir dir;
  const auto changed =
      make(dir.acl_file(), [](yaml::Node& root, const PolicyFiles& /*present*/) -> Done {
        yaml::child(root, "users");
        return failed(Failure::Kind::usage, "not that one");
      });
  REQUIRE_FALSE(changed.has_value());
  CHECK(changed.error().kind == Failure::Kind::usage);
  CHECK(changed.error().what == "not that one");
  CHECK_FALSE(std::filesystem::exists(dir.managed()));
}

TEST_CASE("managed policy: a file that is broken already is refused with its line") {
  const Dir dir;
  std::filesystem::create_directory(dir.path() / "acl.d");
  const std::string broken = "users:\n  alice: {permissions: [view\n";
  write_text(dir.managed(), broken);
  const auto changed = make(dir.acl_file(), add_user("bob", {"view"}));
  REQUIRE_FALSE(changed.has_value());
  CHECK(changed.error().kind == Failure::Kind::invalid);
  CHECK(changed.error().what.find("acl.d/managed.yml:") == 0);
  CHECK(read_text(dir.managed()) == broken);
}

TEST_CASE("managed policy: without acl.yml there is nothing to change") {
  const TempDir dir;
  const auto changed = make(dir / "acl.yml", add_user("alice", {"view"}));
  REQUIRE_FALSE(changed.has_value());
  CHECK_FALSE(std::filesystem::exists(dir / "acl.d/managed.yml"));
}

TEST_CASE("managed policy: what has to happen first happens only if the change is valid") {
  const Dir dir;
  int ran = 0;
  const auto count = [&]() -> Done {
    ++ran;
    return {};
  };
  CHECK_FALSE(make(dir.acl_file(), add_user("bob", {"fly"}), count).has_value());
  CHECK(ran == 0);
  CHECK(make(dir.acl_file(), add_user("bob", {"view"}), count).has_value());
  CHECK(ran == 1);
  const auto refuse = []() -> Done { return failed(Failure::Kind::io, "the disk is full"); };
  const auto refused = make(dir.acl_file(), add_user("eve", {"view"}), refuse);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().what == "the disk is full");
  CHECK_FALSE(dir.has_account("eve"));
}

TEST_CASE("managed policy: writers at the same time lose nothing") {
  const Dir dir;
  std::vector<std::thread> writers;
  for (int writer = 0; writer < 4; ++writer) {
    writers.emplace_back([&, writer] {
      for (int i = 0; i < 5; ++i) {
        const auto name = "user" + std::to_string(writer) + "x" + std::to_string(i);
        CHECK(make(dir.acl_file(), add_user(name, {"view"})).has_value());
      }
    });
  }
  for (auto& writer : writers) writer.join();
  const auto loaded = acl::load(dir.acl_file(), wall_now());
  REQUIRE(loaded.policy != nullptr);
  CHECK(loaded.policy->accounts().size() == 21);
}

TEST_CASE("managed policy: the file before the last change is kept") {
  const Dir dir;
  const auto previous = dir.path() / "acl.d/.managed.yml.previous";
  REQUIRE(make(dir.acl_file(), add_user("alice", {"view"})).has_value());
  CHECK_FALSE(std::filesystem::exists(previous));
  const auto first = read_text(dir.managed());
  REQUIRE(make(dir.acl_file(), add_user("bob", {"view"})).has_value());
  CHECK(read_text(previous) == first);
  const auto second = read_text(dir.managed());
  // What changes nothing is no version.
  REQUIRE(make(dir.acl_file(), add_user("bob", {"view"})).has_value());
  CHECK(read_text(previous) == first);
  REQUIRE(make(dir.acl_file(), add_user("carol", {"view"})).has_value());
  CHECK(read_text(previous) == second);
}

TEST_CASE("managed policy: a dry run checks everything and writes nothing") {
  const Dir dir;
  Terms dry;
  dry.dry_run = true;
  int ran = 0;
  const auto count = [&]() -> Done {
    ++ran;
    return {};
  };
  dry.announce = count;
  CHECK(make(dir.acl_file(), add_user("alice", {"view"}), count, dry).has_value());
  CHECK_FALSE(make(dir.acl_file(), add_user("bob", {"fly"}), count, dry).has_value());
  CHECK(ran == 0);
  CHECK_FALSE(std::filesystem::exists(dir.managed()));
}

TEST_CASE("managed policy: terms are asked first, and a change is announced when all is checked") {
  const Dir dir;
  Terms terms;
  std::string steps;
  terms.precondition = [&](const PolicyFiles& present) -> Done {
    steps += "precondition ";
    CHECK(present.policy->accounts().size() == 1);
    return {};
  };
  terms.announce = [&]() -> Done {
    steps += "announce ";
    return {};
  };
  const auto write = [&]() -> Done {
    steps += "write";
    return {};
  };
  REQUIRE(make(dir.acl_file(), add_user("alice", {"view"}), write, terms).has_value());
  CHECK(steps == "precondition announce write");

  terms.precondition = {};
  terms.announce = [] { return Done(failed(Failure::Kind::io, "cannot be recorded")); };
  CHECK(make(dir.acl_file(), add_user("bob", {"view"}), {}, terms).error().what ==
        "cannot be recorded");
  CHECK_FALSE(dir.has_account("bob"));
  terms.precondition = [](const PolicyFiles& /*present*/) {
    return Done(failed(Failure::Kind::changed, "by somebody else"));
  };
  CHECK(make(dir.acl_file(), add_user("bob", {"view"}), {}, terms).error().kind ==
        Failure::Kind::changed);
}

}  // namespace layergate::manage
