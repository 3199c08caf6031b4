// The rules of docs/policy.md, "What tags reach", each with a small world of its own. Digests are
// those of words; what may be done is told as the words of which it holds.
#include "index/rights.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include "tests/unit/index/facts.h"

namespace layergate::index {
namespace {

using acl::Action;
using acl::Reason;
using std::chrono::days;
using std::chrono::minutes;
using std::chrono::seconds;

// Facts about repositories, and a policy to ask about them. Reading is asked for twice: of an index
// that climbs from digests to tags, and of one that goes down from the tags at once, as it does
// where very many reach a digest.
class World {
 public:
  explicit World(const std::string& policy) : policy_(policy) {}

  template <typename Tell>
  void tell(Tell tell) {
    tell(index_);
    tell(downwards_);
  }
  void put(const ManifestRecord& manifest, std::string_view repository = "r") {
    tell([&](Index& index) { index.add_manifest(repository, manifest, kNow); });
  }
  // The tag at a manifest that was put.
  void set_tag(std::string_view name, std::string_view word, std::string_view account = "",
               Seconds now = kNow) {
    const TagRecord tag{std::string(name), digest_of(word), std::string(account), now};
    tell([&](Index& index) { index.set_tag("r", tag, now); });
  }
  void remove_tag(std::string_view name) {
    tell([&](Index& index) { index.remove_tag("r", name, kNow); });
  }
  void image_at(std::string_view name, std::string_view word, Words blobs) {
    put(image(word, blobs));
    set_tag(name, word);
  }
  void possess(std::string_view account, std::string_view word, Held as,
               std::string_view repository = "r") {
    tell([&](Index& index) { index.possess(repository, digest_of(word), account, as, kNow); });
  }

  template <typename Ask>
  auto ask_of(const Index& index, std::string_view account, Ask ask, Seconds now) const {
    const acl::Principal who{account, *IpAddress::parse("10.0.0.1"), now};
    return ask(Rights(index, *policy_.operator->(), who));
  }
  template <typename Ask>
  auto as(std::string_view account, Ask ask, Seconds now = kNow) const {
    return ask_of(index_, account, ask, now);
  }

  // Of the words, those that the account may read, name, or delete.
  [[nodiscard]] std::string reads(std::string_view account, Held as, Words words,
                                  Seconds now = kNow) const {
    return those(words, [&](std::string_view word) {
      return may_read(account, "r", digest_of(word), as, now).decision.allowed;
    });
  }
  [[nodiscard]] std::string names(std::string_view account, Held as, Words words,
                                  Seconds now = kNow) const {
    return those(words, [&](std::string_view word) {
      return this->as(
          account, [&](const Rights& rights) { return rights.may_name("r", digest_of(word), as); },
          now);
    });
  }
  [[nodiscard]] std::string deletes(std::string_view account, Held as, Words words) const {
    return those(words, [&](std::string_view word) {
      return may_delete(account, digest_of(word), as).decision.allowed;
    });
  }
  // Of the tags, those on which the account holds the right.
  [[nodiscard]] std::string tags(std::string_view account, Action action, Words names,
                                 Seconds now = kNow) const {
    return those(names, [&](std::string_view name) {
      return this->as(
          account, [&](const Rights& rights) { return rights.on_tag(action, "r", name).allowed; },
          now);
    });
  }
  [[nodiscard]] Reach may_read(std::string_view account, std::string_view repository,
                               const std::string& digest, Held as, Seconds now = kNow) const {
    const auto read = [&](const Rights& rights) { return rights.may_read(repository, digest, as); };
    auto reach = ask_of(index_, account, read, now);
    const auto other = ask_of(downwards_, account, read, now);
    CHECK(other.decision.allowed == reach.decision.allowed);
    if (!reach.decision.allowed) CHECK(other.decision.reason == reach.decision.reason);
    return reach;
  }
  [[nodiscard]] Reach may_delete(std::string_view account, const std::string& digest,
                                 Held as) const {
    return this->as(account,
                    [&](const Rights& rights) { return rights.may_delete("r", digest, as); });
  }
  // Of the words, those that are listed as referrers.
  [[nodiscard]] std::string referrers(std::string_view account, std::string_view subject,
                                      Words words, Seconds now = kNow) const {
    const auto shown = this->as(
        account, [&](const Rights& rights) { return rights.referrers("r", digest_of(subject)); },
        now);
    std::size_t known = 0;
    const auto text = those(words, [&](std::string_view word) {
      const auto node = node_of(index_, "r", digest_of(word));
      const bool is_shown = std::count(shown.begin(), shown.end(), node) == 1;
      if (is_shown) ++known;
      return is_shown;
    });
    CHECK(known == shown.size());
    return text;
  }
  [[nodiscard]] bool is_immutable(std::string_view word) const {
    return this->as("root", [&](const Rights& rights) {
      return rights.is_immutable("r", digest_of(word), Held::blob);
    });
  }

  [[nodiscard]] const Index& index() const { return index_; }

 private:
  template <typename Holds>
  static std::string those(Words words, Holds holds) {
    std::string text;
    for (const auto word : words) {
      if (holds(word)) text += (text.empty() ? "" : " ") + std::string(word);
    }
    return text;
  }

  acl::Asked policy_;
  Index index_{Index::Options{}};
  Index downwards_{Index::Options{.many = 1}};
};

// One account for each tag "a", "b" and so on, that may do everything there; "none" may nothing,
// "root" is an admin, "all" has every tag.
const std::string kOneEach = R"(
version: 1
users:
  a: {permissions: [view, pull, push, delete]}
  b: {permissions: [view, pull, push, delete]}
  ab: {permissions: [view, pull, push, delete]}
  all: {permissions: [view, pull, push, delete]}
  none: {permissions: [view, pull, push, delete]}
  puller: {permissions: [view, pull]}
  root: {permissions: [admin]}
rules:
  - {who: [a, ab, puller], images: ["r:a"], allow: [view, pull, push, delete]}
  - {who: [b, ab], images: ["r:b"], allow: [view, pull, push, delete]}
  - {who: [all], images: [r], allow: [view, pull, push, delete]}
)";

constexpr auto kManifest = Held::manifest;
constexpr auto kBlob = Held::blob;

}  // namespace

TEST_CASE("rights: an empty index gives nothing, and an admin what the registry may have") {
  const World world(kOneEach);
  for (const auto* account : {"a", "all", "none", "nobody"}) {
    CAPTURE(account);
    CHECK(world.reads(account, kManifest, {"x"}).empty());
    CHECK(world.reads(account, kBlob, {"x"}).empty());
    CHECK(world.names(account, kManifest, {"x"}).empty());
    CHECK(world.names(account, kBlob, {"x"}).empty());
  }
  // Of blobs that nobody tagged the index does not know all; of manifests it does.
  CHECK(world.reads("root", kBlob, {"x"}) == "x");
  CHECK(world.reads("root", kManifest, {"x"}).empty());
  CHECK(world.referrers("root", "x", {}).empty());
}

TEST_CASE("rights: a tag reaches its manifest, and that its config and layers") {
  World world(kOneEach);
  world.image_at("a", "app", {"config", "layer"});
  world.image_at("b", "other", {"other-config", "layer"});
  const Words kAll = {"app", "config", "layer", "other", "other-config"};
  CHECK(world.reads("a", kManifest, kAll) == "app");
  // A manifest that may be read is served as a blob too, where the registry has it as one.
  CHECK(world.reads("a", kBlob, kAll) == "app config layer");
  CHECK(world.reads("b", kManifest, kAll) == "other");
  CHECK(world.reads("b", kBlob, kAll) == "layer other other-config");
  CHECK(world.reads("ab", kBlob, kAll) == "app config layer other other-config");
  CHECK(world.reads("all", kManifest, kAll) == "app other");
  CHECK(world.reads("none", kBlob, kAll).empty());
  CHECK(world.reads("root", kBlob, kAll) == "app config layer other other-config");
  // A layer is none of the things that are served as manifests.
  CHECK(world.reads("root", kManifest, kAll) == "app other");
  // The decision names the tag that it was made on.
  CHECK(world.may_read("a", "r", digest_of("layer"), kBlob).tag == "a");
  CHECK(world.may_read("b", "r", digest_of("layer"), kBlob).tag == "b");
  // All of it is of this repository.
  CHECK_FALSE(world.may_read("all", "s", digest_of("layer"), kBlob).decision.allowed);
  CHECK_FALSE(world.may_read("a", "", digest_of("layer"), kBlob).decision.allowed);
}

TEST_CASE("rights: an index reaches its manifests, and never the other way") {
  World world(kOneEach);
  world.put(image("amd", {"amd-layer", "base"}));
  world.put(image("arm", {"arm-layer", "base"}));
  world.put(image_index("multi", {"amd", "arm"}));
  world.put(image_index("outer", {"multi"}));
  world.set_tag("a", "outer");
  world.set_tag("b", "arm");
  const Words kManifests = {"outer", "multi", "amd", "arm"};
  const Words kBlobs = {"amd-layer", "arm-layer", "base"};
  CHECK(world.reads("a", kManifest, kManifests) == "outer multi amd arm");
  CHECK(world.reads("a", kBlob, kBlobs) == "amd-layer arm-layer base");
  CHECK(world.reads("b", kManifest, kManifests) == "arm");
  CHECK(world.reads("b", kBlob, kBlobs) == "arm-layer base");
}

TEST_CASE("rights: one tag that may not be pulled takes nothing from another that may") {
  World world(kOneEach + "  - {who: [all], images: [\"r:b\"], deny: [pull]}\n");
  world.image_at("a", "app", {"layer"});
  world.image_at("b", "app", {"layer"});
  world.image_at("b", "secret", {"layer", "secret-layer"});
  CHECK(world.reads("all", kManifest, {"app", "secret"}) == "app");
  CHECK(world.reads("all", kBlob, {"layer", "secret-layer"}) == "layer");
}

TEST_CASE("rights: a blob that is JSON is no manifest, and what it names is not reached") {
  // Attack (security.md): upload JSON that names a secret layer, as a blob, and name it in an index
  // that one may push.
  World world(kOneEach);
  world.image_at("b", "secret", {"secret-layer"});
  world.possess("a", "json", kBlob);  // its text would name secret-layer
  CHECK(world.reads("a", kBlob, {"json"}) == "json");
  CHECK(world.reads("a", kManifest, {"json"}).empty());
  CHECK(world.names("a", kManifest, {"json"}).empty());
  CHECK(world.names("a", kBlob, {"json"}) == "json");
  // As a layer, whatever its media type there: nothing is followed.
  world.image_at("a", "app", {"json"});
  CHECK(world.reads("a", kManifest, {"json"}).empty());
  CHECK(world.reads("a", kBlob, {"json", "secret-layer"}) == "json");
  // Even an index that names it, from before the gate, reaches nothing by it.
  world.put(image_index("multi", {"json"}));
  world.set_tag("a", "multi");
  CHECK(world.reads("a", kManifest, {"multi", "json", "secret"}) == "multi");
  CHECK(world.reads("root", kManifest, {"json"}).empty());
}

TEST_CASE("rights: what may be named is what may be read as that kind, or is in possession") {
  World world(kOneEach);
  world.image_at("a", "app", {"layer"});
  world.image_at("b", "secret", {"secret-layer"});
  world.put(image("mine", {"layer"}));
  world.possess("a", "mine", kManifest);
  world.possess("a", "upload", kBlob);
  world.possess("b", "foreign", kBlob);
  const Words kAll = {"app",  "layer",  "secret",  "secret-layer",
                      "mine", "upload", "foreign", "absent"};
  CHECK(world.names("a", kManifest, kAll) == "app mine");
  // A manifest's bytes are no blob until somebody uploads them as one.
  CHECK(world.names("a", kBlob, kAll) == "layer upload");
  CHECK(world.names("none", kBlob, kAll).empty());
  CHECK(world.names("puller", kBlob, kAll) == "layer");
  CHECK(world.names("root", kManifest, kAll) == "app secret mine");
  world.possess("b", "app", kBlob);
  CHECK(world.names("a", kBlob, {"app"}) == "app");
}

TEST_CASE(
    "rights: an admin may name what he is told is there, though the index has not heard of it") {
  // Blobs that no manifest names any more stay in the registry until its garbage is collected, and
  // HEAD finds them for an admin: his client uploads nothing, and could never push. The registry
  // looks whether they are there.
  const World world(kOneEach);
  REQUIRE(world.reads("root", kBlob, {"left-over"}) == "left-over");
  CHECK(world.names("root", kBlob, {"left-over"}) == "left-over");
  CHECK(world.names("root", kManifest, {"left-over"}).empty());
  CHECK(world.names("all", kBlob, {"left-over"}).empty());
}

TEST_CASE("rights: what may lie elsewhere has to be here as a blob, for an admin too") {
  // The registry takes a descriptor with urls without looking for it. What is not there would be
  // reached, once it came, by who may pull the tag.
  World world(kOneEach);
  world.image_at("a", "app", {"layer"});
  world.put(referrer("early", "subject", "a"));
  world.put(image_index("multi", {"child"}));
  world.possess("a", "upload", kBlob);
  const auto names = [&](std::string_view account, Words words) {
    std::string text;
    for (const auto word : words) {
      const bool may = world.as(account, [&](const Rights& rights) {
        return rights.may_name("r", digest_of(word), kBlob, true);
      });
      if (may) text += (text.empty() ? "" : " ") + std::string(word);
    }
    return text;
  };
  const Words kAll = {"layer", "upload", "left-over", "subject", "child", "app"};
  CHECK(names("root", kAll) == "layer upload");
  CHECK(names("a", kAll) == "layer upload");
  CHECK(names("none", kAll).empty());
}

TEST_CASE("rights: a blob is possessed as a blob, a manifest as a manifest") {
  World world(kOneEach);
  world.put(image("app", {"layer"}));
  world.possess("a", "app", kManifest);
  world.possess("a", "upload", kBlob);
  CHECK(world.reads("a", kManifest, {"app", "layer", "upload"}) == "app");
  // What it names was readable when it was put, or is in possession: not by the manifest itself.
  CHECK(world.reads("a", kBlob, {"layer", "upload"}) == "upload");
  CHECK(world.may_read("a", "r", digest_of("app"), kManifest).decision.reason ==
        Reason::possession);
  CHECK(world.reads("ab", kManifest, {"app"}).empty());
  // Somebody uploads the same bytes as a blob: that is no manifest of his.
  world.possess("b", "app", kBlob);
  CHECK(world.reads("b", kBlob, {"app"}) == "app");
  CHECK(world.reads("b", kManifest, {"app"}).empty());
}

TEST_CASE("rights: possession ends with the push right on the name, and after seven days") {
  World world(R"(
version: 1
users:
  pusher: {permissions: [view, pull, push]}
  demoted: {permissions: [view, pull]}
  outsider: {permissions: [view, pull, push]}
  barred: {permissions: [view, pull, push]}
  gone: {permissions: [view, pull, push], enabled: false}
rules:
  - {who: [pusher, demoted, barred, gone], images: ["r:x"], allow: [pull, push]}
  - {who: [barred], images: [r], deny: [push]}
)");
  for (const auto* account : {"pusher", "demoted", "outsider", "barred", "gone"}) {
    world.possess(account, "upload", kBlob);
    world.possess(account, "app", kManifest);
  }
  world.put(image("app", {}));
  CHECK(world.reads("pusher", kBlob, {"upload"}) == "upload");
  CHECK(world.reads("pusher", kManifest, {"app"}) == "app");
  for (const auto* account : {"demoted", "outsider", "barred", "gone"}) {
    CAPTURE(account);
    CHECK(world.reads(account, kBlob, {"upload"}).empty());
    CHECK(world.reads(account, kManifest, {"app"}).empty());
    CHECK(world.names(account, kBlob, {"upload"}).empty());
    CHECK(world.deletes(account, kManifest, {"app"}).empty());
  }
  CHECK(world.reads("pusher", kBlob, {"upload"}, kNow + days(7) - seconds(1)) == "upload");
  CHECK(world.reads("pusher", kBlob, {"upload"}, kNow + days(7)).empty());
  CHECK(world.names("pusher", kBlob, {"upload"}, kNow + days(7)).empty());
  CHECK(world.reads("pusher", kManifest, {"app"}, kNow + days(7)).empty());
}

TEST_CASE("rights: possession is not looked for without end") {
  World world(kOneEach);
  world.possess("a", "layer", kBlob);
  world.image_at("b", "first", {"layer"});
  const auto later = kNow + days(100);
  CHECK(world.reads("a", kBlob, {"layer"}, later) == "layer");
  // The newest are met first.
  for (int i = 0; i < 300'000; ++i) world.put(image(std::to_string(i), {"layer"}));
  CHECK(world.reads("a", kBlob, {"layer"}, kNow + days(6)) == "layer");
  CHECK(world.reads("a", kBlob, {"layer"}, later).empty());
}

TEST_CASE("rights: who uploaded a layer holds it while a tag of others reaches it") {
  World world(kOneEach);
  world.possess("a", "layer", kBlob);
  world.image_at("b", "app", {"layer"});
  CHECK(world.reads("a", kBlob, {"layer"}, kNow + days(30)) == "layer");
  CHECK(world.reads("a", kManifest, {"app"}, kNow + days(30)).empty());
}

TEST_CASE(
    "rights: grace: what a tag reached, to those who may pull that tag by the present policy") {
  World world(kOneEach);
  world.image_at("a", "old", {"old-layer", "base"});
  world.image_at("a", "new", {"new-layer", "base"});
  const Words kAll = {"old", "old-layer", "new", "new-layer"};
  const auto end = kNow + minutes(15);
  CHECK(world.reads("a", kBlob, kAll) == "old old-layer new new-layer");
  CHECK(world.reads("a", kManifest, {"old"}, end - seconds(1)) == "old");
  CHECK(world.reads("a", kManifest, {"old"}, end).empty());
  CHECK(world.reads("a", kBlob, kAll, end) == "new new-layer");
  CHECK(world.reads("b", kBlob, kAll).empty());
  // It gives reading only: neither possession nor a right to delete.
  CHECK(world.deletes("a", kManifest, {"old"}).empty());
  CHECK(world.deletes("a", kManifest, {"new"}) == "new");
  CHECK(world.may_read("a", "r", digest_of("old"), kManifest).tag == "a");
  // A delete by digest ends it.
  world.tell([](Index& index) { index.remove_manifest("r", digest_of("old"), kNow); });
  CHECK(world.reads("a", kBlob, kAll) == "new new-layer");
}

TEST_CASE("rights: grace: a deleted tag's too, and by the policy of now") {
  const std::string kBefore =
      "version: 1\nusers: {u: {permissions: [pull, delete]}}\n"
      "rules: [{who: [u], images: [\"r:x\"], allow: [pull]}";
  for (const bool still : {true, false}) {
    CAPTURE(still);
    World world(kBefore + (still ? "]" : ", {who: [u], images: [\"r:x\"], deny: [pull]}]"));
    world.image_at("x", "app", {"layer"});
    world.remove_tag("x");
    CHECK(world.reads("u", kBlob, {"app", "layer"}) == (still ? "app layer" : ""));
  }
}

TEST_CASE("rights: a referrer is reached from its subject, and gives its subject nothing") {
  World world(kOneEach);
  world.image_at("a", "app", {"layer"});
  world.image_at("b", "secret", {"secret-layer"});
  world.put(referrer("sig", "app", "a", {"sig-layer"}));
  CHECK(world.reads("a", kManifest, {"app", "sig"}) == "app sig");
  CHECK(world.reads("puller", kBlob, {"sig-layer"}) == "sig-layer");
  CHECK(world.reads("b", kManifest, {"app", "sig"}).empty());
  CHECK(world.reads("b", kBlob, {"sig-layer"}).empty());
  CHECK(world.referrers("a", "app", {"sig"}) == "sig");
  CHECK(world.referrers("puller", "app", {"sig"}) == "sig");
  CHECK(world.referrers("root", "app", {"sig"}) == "sig");
  CHECK(world.referrers("b", "app", {"sig"}).empty());
  // Attack: to name a secret as the subject of what one may push. "a" tags it, even.
  world.put(referrer("probe", "secret", "a", {"layer"}));
  world.set_tag("a", "probe");
  CHECK(world.reads("a", kManifest, {"probe", "secret"}) == "probe");
  CHECK(world.reads("a", kBlob, {"secret-layer"}).empty());
  CHECK(world.referrers("b", "secret", {"probe"}).empty());
}

TEST_CASE(
    "rights: a referrer is shown while who put it holds push on a tag that reaches the subject") {
  World world(R"(
version: 1
users:
  reader: {permissions: [view, pull]}
  signer: {permissions: [view, pull, push]}
  elsewhere: {permissions: [view, pull, push]}
  puller: {permissions: [view, pull]}
  gone: {permissions: [view, pull, push], enabled: false}
  bound: {permissions: [view, pull, push], from: [192.0.2.0/24]}
rules:
  - {who: [reader, signer, puller, gone, bound], images: ["r:a"], allow: [pull]}
  - {who: [signer, puller, gone, bound], images: ["r:a"], allow: [push]}
  - {who: [elsewhere], images: ["r:b", "r:sha256-*"], allow: [pull, push]}
)");
  world.image_at("a", "app", {});
  world.image_at("b", "other", {});
  world.put(referrer("by-signer", "app", "signer", {"signer-layer"}));
  world.put(referrer("by-elsewhere", "app", "elsewhere", {"elsewhere-layer"}));
  world.put(referrer("by-puller", "app", "puller"));
  world.put(referrer("by-gone", "app", "gone"));
  world.put(referrer("by-nobody", "app", "nobody"));
  world.put(referrer("by-bound", "app", "bound"));
  auto from_inside = referrer("by-bound-inside", "app", "bound");
  from_inside.putters[0].address = "192.0.2.7";
  world.put(from_inside);
  world.put(referrer("found", "app", ""));
  const Words kAll = {"by-signer", "by-elsewhere", "by-puller",       "by-gone",
                      "by-nobody", "by-bound",     "by-bound-inside", "found"};
  CHECK(world.referrers("reader", "app", kAll) == "by-signer by-bound-inside found");
  CHECK(world.reads("reader", kManifest, kAll) == "by-signer by-bound-inside found");
  CHECK(world.reads("reader", kBlob, {"signer-layer", "elsewhere-layer"}) == "signer-layer");
  // One of those who put it is enough.
  world.put(referrer("by-elsewhere", "app", "signer", {"elsewhere-layer"}));
  CHECK(world.reads("reader", kManifest, {"by-elsewhere"}) == "by-elsewhere");
}

TEST_CASE("rights: a signature of a signature is reached down the chain, however long") {
  World world(kOneEach);
  world.image_at("a", "app", {});
  world.put(referrer("sig", "app", "a"));
  world.put(referrer("sig-sig", "sig", "a", {"deep-layer"}));
  world.put(referrer("by-b", "sig", "b"));
  CHECK(world.reads("puller", kManifest, {"sig", "sig-sig", "by-b"}) == "sig sig-sig");
  CHECK(world.reads("puller", kBlob, {"deep-layer"}) == "deep-layer");
  // It breaks where one of them is not shown.
  world.put(referrer("hidden", "app", "b"));
  world.put(referrer("on-hidden", "hidden", "a"));
  CHECK(world.reads("puller", kManifest, {"hidden", "on-hidden"}).empty());
  // A long one ends.
  std::string last = "app";
  for (int i = 0; i < 40; ++i) {
    const auto next = "chain" + std::to_string(i);
    world.put(referrer(next, last, "a"));
    last = next;
  }
  CHECK(world.reads("puller", kManifest, {"chain0", "chain1", "chain2"}) == "chain0 chain1 chain2");
  CHECK(world.reads("b", kManifest, {"chain39"}).empty());
}

TEST_CASE("rights: a referrer hangs on its subject's indexes too") {
  World world(kOneEach);
  world.put(image("amd", {}));
  world.put(image_index("multi", {"amd"}));
  world.put(referrer("sig", "amd", "a"));
  world.put(referrer("sig-multi", "multi", "a"));
  world.set_tag("a", "multi");
  CHECK(world.reads("puller", kManifest, {"amd", "sig", "sig-multi"}) == "amd sig sig-multi");
  CHECK(world.referrers("puller", "amd", {"sig", "sig-multi"}) == "sig");
}

TEST_CASE("rights: of an absent subject those are listed that may be read anyhow") {
  World world(kOneEach);
  world.put(referrer("mine", "absent", "a"));
  world.put(referrer("tagged", "absent", "a"));
  world.put(referrer("foreign", "absent", "b"));
  world.possess("a", "mine", kManifest);
  world.possess("b", "foreign", kManifest);
  world.set_tag("a", "tagged");
  CHECK(world.referrers("a", "absent", {"mine", "tagged", "foreign"}) == "mine tagged");
  CHECK(world.referrers("puller", "absent", {"mine", "tagged", "foreign"}) == "tagged");
  CHECK(world.referrers("none", "absent", {"mine", "tagged", "foreign"}).empty());
  CHECK(world.reads("a", kManifest, {"absent"}).empty());
  // A blob of that digest is no subject either.
  world.possess("b", "absent", kBlob);
  CHECK(world.referrers("b", "absent", {"mine", "tagged", "foreign"}) == "foreign");
}

TEST_CASE("rights: the referrers of what may not be read are those of what is absent") {
  // Attack: to name a guessed digest as a subject, and see whether it is there.
  World world(kOneEach);
  world.image_at("b", "secret", {"secret-layer"});
  for (const auto* subject : {"secret", "secret-layer", "absent"}) {
    const auto word = [&](const char* what) { return std::string(what) + " of " + subject; };
    for (const auto* what : {"tagged", "mine", "foreign"}) {
      world.put(referrer(word(what), subject, what == std::string("foreign") ? "b" : "a"));
    }
    world.possess("a", word("mine"), kManifest);
    world.set_tag("a", word("tagged"));
    CAPTURE(subject);
    const auto listed = [&](std::string_view account) {
      return world.referrers(account, subject, {word("tagged"), word("mine"), word("foreign")});
    };
    CHECK(listed("a") == word("tagged") + " " + word("mine"));
    CHECK(listed("puller") == word("tagged"));
    CHECK(listed("none").empty());
  }
}

TEST_CASE("rights: grace: referrers of what a tag was at stay with it") {
  World world(kOneEach);
  world.image_at("a", "old", {});
  world.put(referrer("found", "old", "", {"found-layer"}));
  world.image_at("a", "new", {});
  CHECK(world.reads("puller", kManifest, {"old", "found"}) == "old found");
  CHECK(world.reads("puller", kBlob, {"found-layer"}) == "found-layer");
  CHECK(world.reads("puller", kManifest, {"old", "found"}, kNow + minutes(15)).empty());
}

TEST_CASE("rights: fallback tags are decided by the ordinary tags that reach what they speak of") {
  World world(kOneEach);
  world.image_at("a", "app", {});
  world.image_at("b", "secret", {});
  world.put(image("sig", {"sig-layer"}));
  const auto on_app = fallback_tag("app");
  const auto on_secret = fallback_tag("secret", "");
  for (const auto action : {Action::view, Action::pull, Action::push, Action::erase}) {
    CAPTURE(static_cast<int>(action));
    // Whether or not they exist.
    CHECK(world.tags("a", action, {on_app, on_secret}) == on_app);
    CHECK(world.tags("b", action, {on_app, on_secret}) == on_secret);
    CHECK(world.tags("ab", action, {on_app, on_secret}) == on_app + " " + on_secret);
    CHECK(world.tags("none", action, {on_app, on_secret}).empty());
    CHECK(world.tags("root", action, {on_app, on_secret}) == on_app + " " + on_secret);
    for (const auto* suffix : {"", ".sig", ".att", ".sbom"}) {
      const auto name = fallback_tag("app", suffix);
      CHECK(world.tags("a", action, {name}) == name);
    }
  }
  CHECK(world.tags("puller", Action::pull, {on_app, on_secret}) == on_app);
  CHECK(world.tags("puller", Action::push, {on_app}).empty());
  world.set_tag(on_app, "sig");
  // And what is there is reached by them.
  CHECK(world.reads("puller", kManifest, {"sig"}) == "sig");
  CHECK(world.reads("puller", kBlob, {"sig-layer"}) == "sig-layer");
  CHECK(world.reads("b", kManifest, {"sig"}).empty());
  CHECK(world.may_read("puller", "r", digest_of("sig"), kManifest).tag == on_app);
}

TEST_CASE("rights: a fallback tag goes by its own name where no tag reaches what it speaks of") {
  World world(R"(
version: 1
users:
  named: {permissions: [view, pull, push, delete]}
  a: {permissions: [view, pull, push, delete]}
rules:
  - {who: [named], images: ["r:sha256-*"], allow: [view, pull, push, delete]}
  - {who: [a], images: ["r:a"], allow: [view, pull, push, delete]}
)");
  const auto name = fallback_tag("app");
  CHECK(world.tags("named", Action::push, {name}) == name);
  CHECK(world.tags("a", Action::push, {name}).empty());
  // Attack: one whose rules match the names only takes over the signatures of others.
  world.image_at("a", "app", {});
  CHECK(world.tags("named", Action::push, {name}).empty());
  CHECK(world.tags("named", Action::pull, {name}).empty());
  CHECK(world.tags("a", Action::push, {name}) == name);
  // A blob of that digest is not what it speaks of.
  world.possess("a", "blob", kBlob);
  CHECK(world.tags("named", Action::push, {fallback_tag("blob")}) == fallback_tag("blob"));
  // sha512 does not fit into a tag: every tag is needed.
  const auto longer = "sha512-" + std::string(64, 'a');
  CHECK(world.tags("named", Action::push, {longer}).empty());
}

TEST_CASE("rights: a deny on each tag that reaches it takes the fallback tag, whatever its name") {
  World world(R"(
version: 1
users:
  u: {permissions: [view, pull, push, delete]}
rules:
  - {who: [u], images: [r], allow: [view, pull, push, delete]}
  - {who: [u], images: ["r:held"], deny: [pull, push, delete]}
)");
  world.image_at("held", "app", {});
  const auto name = fallback_tag("app");
  CHECK(world.tags("u", Action::pull, {"held", name}).empty());
  CHECK(world.tags("u", Action::push, {"held", name}).empty());
  world.set_tag("free", "app");
  CHECK(world.tags("u", Action::pull, {"held", name}) == name);
}

TEST_CASE("rights: fallback tags of what only other fallback tags are at go by their own names") {
  World world(kOneEach);
  world.image_at("a", "app", {});
  world.put(image("sig", {}));
  world.put(image("sig-sig", {}));
  world.set_tag(fallback_tag("app"), "sig");
  world.set_tag(fallback_tag("sig"), "sig-sig");
  CHECK(world.reads("puller", kManifest, {"sig", "sig-sig"}) == "sig");
  CHECK(world.reads("all", kManifest, {"sig", "sig-sig"}) == "sig sig-sig");
  CHECK(world.reads("b", kManifest, {"sig", "sig-sig"}).empty());
  CHECK(world.tags("a", Action::push, {fallback_tag("app"), fallback_tag("sig")}) ==
        fallback_tag("app"));
  // With an ordinary tag there it is as anywhere.
  world.set_tag("b", "sig");
  CHECK(world.reads("b", kManifest, {"sig", "sig-sig"}) == "sig sig-sig");
  CHECK(world.reads("a", kManifest, {"sig", "sig-sig"}) == "sig");
  CHECK(world.tags("all", Action::push, {fallback_tag("sig")}) == fallback_tag("sig"));
}

TEST_CASE("rights: fallback tags in circles end") {
  World world(kOneEach);
  // Two that speak of each other: nobody has them but by their names.
  world.put(image("x", {}));
  world.put(image("y", {}));
  world.set_tag(fallback_tag("x"), "y");
  world.set_tag(fallback_tag("y"), "x");
  CHECK(world.reads("a", kManifest, {"x", "y"}).empty());
  CHECK(world.reads("all", kManifest, {"x", "y"}) == "x y");
  // One that speaks of what it is at.
  world.put(image("self", {}));
  world.set_tag(fallback_tag("self"), "self");
  CHECK(world.reads("a", kManifest, {"self"}).empty());
  CHECK(world.reads("all", kManifest, {"self"}) == "self");
}

TEST_CASE("rights: fallback tags do not make who has them a putter whose referrers are shown") {
  World world(R"(
version: 1
users:
  reader: {permissions: [view, pull]}
  named: {permissions: [view, pull, push]}
rules:
  - {who: [reader], images: ["r:a"], allow: [pull]}
  - {who: [named], images: ["r:sha256-*"], allow: [pull, push]}
)");
  world.image_at("a", "app", {});
  world.set_tag(fallback_tag("absent"), "app");
  world.put(referrer("evil", "app", "named"));
  CHECK(world.referrers("reader", "app", {"evil"}).empty());
  CHECK(world.reads("reader", kManifest, {"evil"}).empty());
}

TEST_CASE("rights: grace: a signature by a fallback tag stays with what its tag was at") {
  World world(kOneEach);
  world.image_at("a", "old", {});
  world.put(image("sig", {"sig-layer"}));
  world.set_tag(fallback_tag("old"), "sig");
  CHECK(world.reads("puller", kManifest, {"sig"}) == "sig");
  world.image_at("a", "new", {});
  // cosign asks for the signature after the tag: "old" may still be read.
  REQUIRE(world.reads("puller", kManifest, {"old"}) == "old");
  CHECK(world.tags("puller", Action::pull, {fallback_tag("old")}) == fallback_tag("old"));
  CHECK(world.reads("puller", kManifest, {"sig"}) == "sig");
  CHECK(world.reads("puller", kManifest, {"sig"}, kNow + minutes(15)).empty());
  // For reading only.
  CHECK(world.tags("a", Action::push, {fallback_tag("old")}).empty());
}

TEST_CASE("rights: delete by digest needs the right on every tag that reaches it") {
  World world(kOneEach);
  world.put(image("shared", {"shared-layer"}));
  world.put(image_index("multi", {"shared"}));
  world.set_tag("a", "shared");
  world.set_tag("b", "multi");
  const Words kManifests = {"shared", "multi"};
  CHECK(world.deletes("a", kManifest, kManifests).empty());
  CHECK(world.deletes("b", kManifest, kManifests) == "multi");
  CHECK(world.deletes("ab", kManifest, kManifests) == "shared multi");
  CHECK(world.deletes("all", kManifest, kManifests) == "shared multi");
  CHECK(world.deletes("root", kManifest, kManifests) == "shared multi");
  CHECK(world.deletes("puller", kManifest, kManifests).empty());
  CHECK(world.deletes("none", kManifest, kManifests).empty());
  CHECK(world.deletes("a", kBlob, {"shared-layer"}).empty());
  CHECK(world.deletes("ab", kBlob, {"shared-layer"}) == "shared-layer");
  CHECK(world.may_delete("a", digest_of("shared"), kManifest).tag == "b");
}

TEST_CASE("rights: a blob is deleted with the right on every tag whose manifests name it") {
  World world(kOneEach);
  world.image_at("a", "one", {"one-layer", "base"});
  world.image_at("b", "two", {"base"});
  CHECK(world.deletes("a", kBlob, {"one-layer", "base"}) == "one-layer");
  CHECK(world.deletes("b", kBlob, {"one-layer", "base"}).empty());
  CHECK(world.deletes("ab", kBlob, {"one-layer", "base"}) == "one-layer base");
}

TEST_CASE(
    "rights: what no tag reaches is deleted by its pusher, by who holds every tag, by an admin") {
  World world(kOneEach);
  world.put(image("mine", {"mine-layer"}));
  world.possess("a", "mine", kManifest);
  world.possess("a", "upload", kBlob);
  CHECK(world.deletes("a", kManifest, {"mine", "absent"}) == "mine");
  CHECK(world.deletes("b", kManifest, {"mine", "absent"}).empty());
  CHECK(world.may_delete("a", digest_of("mine"), kManifest).decision.reason == Reason::possession);
  CHECK(world.deletes("all", kManifest, {"mine"}) == "mine");
  CHECK(world.deletes("root", kManifest, {"mine"}) == "mine");
  // Of a blob its uploader may not.
  CHECK(world.deletes("a", kBlob, {"upload", "mine-layer"}).empty());
  CHECK(world.deletes("all", kBlob, {"upload", "mine-layer"}) == "upload mine-layer");
  CHECK(world.deletes("root", kBlob, {"upload", "mine-layer"}) == "upload mine-layer");
  CHECK(world.deletes("puller", kManifest, {"mine"}).empty());
  // A tag of others reaches it: then their right counts.
  world.set_tag("b", "mine");
  CHECK(world.deletes("a", kManifest, {"mine"}).empty());
  CHECK(world.deletes("ab", kManifest, {"mine"}) == "mine");
}

TEST_CASE("rights: a deny stops a delete for an admin too") {
  World world(kOneEach + "  - {who: [\"*\"], images: [\"r:b\"], deny: [delete]}\n");
  world.image_at("a", "shared", {});
  world.set_tag("b", "shared");
  world.image_at("a2", "free", {});
  CHECK(world.deletes("root", kManifest, {"shared", "free"}) == "free");
  CHECK(world.deletes("all", kManifest, {"shared", "free"}) == "free");
  CHECK(world.may_delete("root", digest_of("shared"), kManifest).decision.reason == Reason::denied);
}

TEST_CASE("rights: a referrer is deleted with the right on the tags of its subject") {
  World world(kOneEach);
  world.image_at("a", "app", {});
  world.put(referrer("sig", "app", "a"));
  world.possess("a", "sig", kManifest);
  world.put(referrer("hidden", "app", "b"));
  world.possess("b", "hidden", kManifest);
  CHECK(world.deletes("a", kManifest, {"sig", "hidden"}) == "sig");
  // It hangs on no tag, so it is its pusher's.
  CHECK(world.deletes("b", kManifest, {"sig", "hidden"}) == "hidden");
}

TEST_CASE("rights: a deny takes from an admin what the tag reaches, and nothing else") {
  World world(kOneEach + "  - {who: [root], images: [\"r:b\"], deny: [pull]}\n");
  world.image_at("a", "open", {"open-layer", "base"});
  world.image_at("b", "closed", {"closed-layer", "base"});
  world.put(image("loose", {}));
  const Words kBlobs = {"open-layer", "closed-layer", "base", "unheard-of"};
  CHECK(world.reads("root", kManifest, {"open", "closed", "loose"}) == "open loose");
  CHECK(world.reads("root", kBlob, kBlobs) == "open-layer base unheard-of");
}

TEST_CASE("rights: a refusal is the same whether it is there or not") {
  World world(kOneEach + "  - {who: [a], images: [\"r:b\"], deny: [pull], reason: b is secret}\n");
  world.image_at("b", "secret", {"secret-layer"});
  world.put(image("loose", {}));
  for (const auto* account : {"a", "none", "puller"}) {
    CAPTURE(account);
    for (const auto as : {kManifest, kBlob}) {
      const auto absent = world.may_read(account, "r", digest_of("absent"), as);
      for (const auto* word : {"secret", "secret-layer", "loose"}) {
        CAPTURE(word);
        const auto refused = world.may_read(account, "r", digest_of(word), as);
        CHECK_FALSE(refused.decision.allowed);
        CHECK(refused.decision.reason == absent.decision.reason);
        CHECK(refused.decision.rule == absent.decision.rule);
        CHECK(refused.tag == absent.tag);
      }
    }
  }
}

TEST_CASE("rights: immutable tags keep what they are at and what that names") {
  World world(R"(
version: 1
users: {root: {permissions: [admin]}}
immutable: ["r:v*"]
)");
  world.put(image("amd", {"layer"}));
  world.put(image_index("multi", {"amd"}));
  world.set_tag("v1", "multi");
  world.image_at("x", "other", {"layer", "other-layer"});
  for (const auto* word : {"multi", "amd", "layer"}) {
    CAPTURE(word);
    CHECK(world.is_immutable(word));
  }
  for (const auto* word : {"other", "other-layer", "absent"}) {
    CAPTURE(word);
    CHECK_FALSE(world.is_immutable(word));
  }
  world.remove_tag("v1");
  CHECK_FALSE(world.is_immutable("multi"));
}

namespace {

const std::string kUnregistered = R"(
version: 1
unregistered: push
users:
  alice: {permissions: [view, pull, push, delete]}
  bob: {permissions: [view, pull, push]}
  puller: {permissions: [view, pull]}
  root: {permissions: [admin]}
rules:
  - {who: [bob], images: ["r:registered", "s"], allow: [view, pull, push]}
  - {who: [bob], images: ["r:barred"], deny: [push]}
)";

}  // namespace

TEST_CASE("rights: unregistered: what no rule covers is whose it was first") {
  World world(kUnregistered);
  CHECK(world.tags("alice", Action::push, {"new", "registered", "barred"}) == "new barred");
  CHECK(world.tags("bob", Action::push, {"new", "registered", "barred"}) == "new registered");
  CHECK(world.tags("puller", Action::push, {"new"}).empty());
  // What does not exist is nobody's to see.
  CHECK(world.tags("alice", Action::pull, {"new"}).empty());
  CHECK(world.tags("alice", Action::view, {"new"}).empty());

  world.put(image("app", {"layer"}));
  world.set_tag("new", "app", "alice");
  CHECK(world.tags("alice", Action::push, {"new"}) == "new");
  CHECK(world.tags("alice", Action::pull, {"new"}) == "new");
  CHECK(world.tags("alice", Action::view, {"new"}) == "new");
  // But not deleted: only view, pull and push are given.
  CHECK(world.tags("alice", Action::erase, {"new"}).empty());
  CHECK(world.deletes("alice", kManifest, {"app"}).empty());
  CHECK(world.reads("alice", kBlob, {"app", "layer"}) == "app layer");
  for (const auto* account : {"bob", "puller"}) {
    CAPTURE(account);
    for (const auto action : {Action::view, Action::pull, Action::push}) {
      CHECK(world.tags(account, action, {"new"}).empty());
    }
    CHECK(world.reads(account, kBlob, {"app", "layer"}).empty());
  }
  CHECK(world.reads("root", kManifest, {"app"}) == "app");
  // What was found in the upstream is nobody's.
  world.set_tag("found", "app");
  CHECK(world.tags("alice", Action::push, {"found"}).empty());
  CHECK(world.tags("alice", Action::pull, {"found"}).empty());
}

TEST_CASE("rights: unregistered: a tag that became another's gives neither what it was at") {
  World world(kUnregistered);
  world.put(image("hers", {"her-layer"}));
  world.put(image("his", {}));
  world.set_tag("new", "hers", "alice");
  world.remove_tag("new");
  world.set_tag("new", "his", "bob");
  CHECK(world.reads("bob", kManifest, {"hers", "his"}) == "his");
  CHECK(world.reads("bob", kBlob, {"her-layer"}).empty());
  CHECK(world.reads("alice", kManifest, {"hers", "his"}).empty());
  // One's own stays for its grace.
  world.put(image("newer", {}));
  world.set_tag("new", "newer", "bob");
  CHECK(world.reads("bob", kManifest, {"hers", "his", "newer"}) == "his newer");
}

TEST_CASE("rights: unregistered: on some tag of a name that no rule covers whole") {
  const World world(kUnregistered);
  const auto some = [&](std::string_view account, Action action, std::string_view name) {
    return world.as(account,
                    [&](const Rights& rights) { return rights.on_some_tag(action, name).allowed; });
  };
  CHECK(some("alice", Action::push, "r"));
  CHECK(some("alice", Action::push, "anything/else"));
  CHECK_FALSE(some("alice", Action::push, "s"));
  CHECK(some("bob", Action::push, "s"));
  CHECK_FALSE(some("puller", Action::push, "r"));
  CHECK_FALSE(some("alice", Action::erase, "r"));
  CHECK_FALSE(some("nobody", Action::push, "r"));
}

TEST_CASE("rights: unregistered: a push by that right alone is to be checked at its moment") {
  World world(kUnregistered);
  const auto by_that = [&](std::string_view account, std::string_view tag) {
    return world.as(account, [&](const Rights& rights) {
      return rights.on_tag(Action::push, "r", tag).reason == Reason::unregistered;
    });
  };
  CHECK(by_that("alice", "new"));
  CHECK_FALSE(by_that("bob", "registered"));
  CHECK_FALSE(by_that("root", "new"));
  CHECK_FALSE(by_that("puller", "new"));
  CHECK_FALSE(by_that("alice", "registered"));

  // Of a fallback tag, only if no tag that reaches what it speaks of may be pushed by a rule.
  world.put(image("app", {}));
  world.put(image_index("multi", {"app"}));
  const auto tag = fallback_tag("app");
  SUBCASE("the tag by a rule last") {
    world.set_tag("new", "app", "bob");
    CHECK(by_that("bob", tag));
    world.set_tag("registered", "app", "bob");
  }
  SUBCASE("the tag by a rule first") {
    world.set_tag("registered", "app", "bob");
    world.set_tag("new", "app", "bob");
  }
  SUBCASE("the tag by a rule at an index") {
    world.set_tag("new", "app", "bob");
    world.set_tag("registered", "multi", "bob");
  }
  world.set_tag("barred", "app");
  CHECK_FALSE(by_that("bob", tag));
  CHECK(world.tags("bob", Action::push, {tag}) == tag);
}

TEST_CASE("rights: unregistered: uploads are in possession as anywhere") {
  World world(kUnregistered);
  world.possess("alice", "upload", kBlob);
  CHECK(world.reads("alice", kBlob, {"upload"}) == "upload");
  CHECK(world.names("alice", kBlob, {"upload"}) == "upload");
  CHECK(world.reads("bob", kBlob, {"upload"}).empty());
  world.possess("alice", "upload", kBlob, "s");
  CHECK_FALSE(world.may_read("alice", "s", digest_of("upload"), kBlob).decision.allowed);
}

TEST_CASE("rights: unregistered: a referrer is shown while its putter's tag is his own") {
  World world(kUnregistered);
  world.put(image("app", {}));
  world.set_tag("new", "app", "alice");
  world.put(referrer("by-alice", "app", "alice"));
  world.put(referrer("by-bob", "app", "bob"));
  CHECK(world.referrers("alice", "app", {"by-alice", "by-bob"}) == "by-alice");
}

TEST_CASE("rights: the pull right alone does not open what only other permissions reach") {
  World world(R"(
version: 1
users:
  viewer: {permissions: [view]}
  pusher: {permissions: [push]}
  eraser: {permissions: [delete]}
rules:
  - {who: ["*"], images: [r], allow: [view, pull, push, delete]}
)");
  world.image_at("a", "app", {"layer"});
  for (const auto* account : {"viewer", "pusher", "eraser"}) {
    CAPTURE(account);
    CHECK(world.reads(account, kBlob, {"app", "layer"}).empty());
    CHECK(world.names(account, kBlob, {"app", "layer"}).empty());
  }
  CHECK(world.deletes("eraser", kManifest, {"app"}) == "app");
  // He holds what he brought all the same.
  world.possess("pusher", "upload", kBlob);
  CHECK(world.reads("pusher", kBlob, {"upload", "layer"}) == "upload");
}

TEST_CASE("rights: a layer on a hundred thousand tags is decided without looking at them all") {
  World world(kOneEach);
  for (int i = 0; i < 100; ++i) world.put(image("app" + std::to_string(i), {"base"}));
  for (int i = 0; i < 100'000; ++i) {
    world.set_tag("t" + std::to_string(i), "app" + std::to_string(i % 100));
  }
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < 100; ++i) {
    CHECK(world.reads("all", kBlob, {"base"}) == "base");
    for (const auto* account : {"none", "puller", "a"}) {
      CHECK(world.reads(account, kBlob, {"base"}).empty());
    }
  }
  CHECK(std::chrono::steady_clock::now() - start < seconds(10));
  world.image_at("a", "mine", {"base"});
  CHECK(world.reads("puller", kBlob, {"base"}) == "base");
}

}  // namespace layergate::index
