#include "index/index.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "tests/unit/index/dump.h"
#include "tests/unit/index/facts.h"

namespace layergate::index {
namespace {

using std::chrono::days;
using std::chrono::minutes;
using std::chrono::seconds;

// An index of one repository, "r", asked in short form.
class Facts {
 public:
  explicit Facts(const Index::Options& options = {}) : index(options) {}

  void add(const ManifestRecord& manifest, Seconds now) { index.add_manifest("r", manifest, now); }
  void add(const ManifestRecord& manifest) { add(manifest, kNow); }
  void set_tag(std::string_view name, std::string_view word, Seconds now = kNow,
               std::string_view account = "") {
    index.set_tag("r", {std::string(name), digest_of(word), std::string(account), now}, now);
  }
  void remove_tag(std::string_view name, Seconds now = kNow) { index.remove_tag("r", name, now); }
  void remove_manifest(std::string_view word, Seconds now = kNow) {
    index.remove_manifest("r", digest_of(word), now);
  }
  void possess(std::string_view account, std::string_view word, Held as, Seconds at = kNow) {
    index.possess("r", digest_of(word), account, as, at);
  }
  // All of it, from the first node to the last; the words are told by their digests.
  Touched forget(Seconds now) {
    Touched forgotten;
    index.watch(&forgotten);
    for (NodeId from = 0; from != kNone;) from = index.forget(from, 3, now);
    index.watch(nullptr);
    return forgotten;
  }

  [[nodiscard]] NodeId node(std::string_view word) const {
    return node_of(index, "r", digest_of(word));
  }
  // The digest that a tag is at, as a word of these; "" if there is no such tag.
  [[nodiscard]] bool is_at(std::string_view name, std::string_view word) const {
    const auto* in = index.find_repository("r");
    const auto* found = in == nullptr ? nullptr : index.find_tag(*in, name);
    return found != nullptr && index.digest_of(found->root) == digest_of(word);
  }
  [[nodiscard]] bool has_tag(std::string_view name) const {
    const auto* in = index.find_repository("r");
    return in != nullptr && index.find_tag(*in, name) != nullptr;
  }
  [[nodiscard]] std::string tags_of(std::string_view word) const {
    std::vector<std::string> names;
    if (node(word) == kNone) return "";
    for (const auto* name : index.tags_of(node(word))) names.push_back(*name);
    return in_order(names);
  }
  // "tag until seconds-from-kNow".
  [[nodiscard]] std::string graces_of(std::string_view word) const {
    std::vector<std::string> graces;
    if (node(word) == kNone) return "";
    for (const auto& grace : index.graces_of(node(word))) {
      graces.push_back(grace.tag + "+" + std::to_string((grace.until - kNow).count()));
    }
    return in_order(graces);
  }
  [[nodiscard]] bool possesses(std::string_view account, std::string_view word, Held as,
                               Seconds now = kNow) const {
    return node(word) != kNone && index.possesses(account, node(word), as, now);
  }
  [[nodiscard]] bool is_manifest(std::string_view word) const {
    return node(word) != kNone && index.is_manifest(node(word));
  }
  [[nodiscard]] bool names(std::string_view parent, std::string_view child, Link link) const {
    return node(child) != kNone && node(parent) != kNone &&
           index.any_parent(node(child), link, [&](NodeId it) { return it == node(parent); });
  }
  static std::string in_order(std::vector<std::string>& words) {
    std::sort(words.begin(), words.end());
    std::string text;
    for (const auto& word : words) text += (text.empty() ? "" : " ") + word;
    return text;
  }
  // Whether `forgotten` is just these, in any order.
  static bool are(const std::vector<std::pair<RepositoryId, std::string>>& forgotten, Words words) {
    std::vector<std::string> wanted;
    std::vector<std::string> found;
    for (const auto word : words) wanted.push_back(digest_of(word));
    for (const auto& [in, digest] : forgotten) found.push_back(digest);
    std::sort(wanted.begin(), wanted.end());
    std::sort(found.begin(), found.end());
    return wanted == found;
  }

  Index index;
};

}  // namespace

TEST_CASE("index: an empty one knows nothing") {
  Facts facts;
  const auto& index = facts.index;
  CHECK_FALSE(index.is_complete());
  CHECK_FALSE(index.is_known("r"));
  CHECK(index.find_repository("r") == nullptr);
  CHECK(index.next_repository("") == nullptr);
  const auto stats = index.stats();
  CHECK(stats.repositories + stats.tags + stats.manifests + stats.nodes + stats.links +
            stats.possessions + stats.referrers + stats.accounts ==
        0);
  // What is taken away need not be there.
  facts.remove_tag("t");
  facts.remove_manifest("m");
  facts.index.remove_blob("r", digest_of("b"));
  CHECK(index.stats().nodes == 0);
  CHECK(Facts::are(facts.forget(kNow).manifests, {}));
}

TEST_CASE("index: what is not here is not in the upstream if the repository, or all, is known") {
  Facts facts;
  facts.index.set_known("r", true);
  CHECK(facts.index.is_known("r"));
  CHECK_FALSE(facts.index.is_known("other"));
  facts.index.set_complete(true);
  CHECK(facts.index.is_known("other"));
  // One that was begun with and not finished.
  facts.index.add_manifest("other", image("m", {}), kNow);
  CHECK_FALSE(facts.index.is_known("other"));
  facts.index.set_known("r", false);
  CHECK_FALSE(facts.index.is_known("r"));
}

TEST_CASE("index: repositories in lexical order, each behind the last") {
  Facts facts;
  for (const auto* name : {"b", "a/b", "a", "a-b"}) facts.index.set_known(name, true);
  std::string seen;
  for (const auto* at = facts.index.next_repository(""); at != nullptr;
       at = facts.index.next_repository(at->name)) {
    seen += at->name + " ";
  }
  CHECK(seen == "a a-b a/b b ");
  CHECK(facts.index.next_repository("aa")->name == "b");
  CHECK(facts.index.repository(facts.index.find_repository("a/b")->id).name == "a/b");
}

TEST_CASE("index: a manifest comes back as it was told, however often") {
  Facts facts;
  const auto app = image("app", {"config", "layer", "layer"});
  const auto multi = image_index("multi", {"app", "arm"});
  auto sig = referrer("sig", "app", "alice", {"sig-layer"});
  sig.artifact_type = "application/x";
  sig.annotations = R"({"a":"b"})";
  sig.size = 77;
  for (int i = 0; i < 3; ++i) {
    facts.add(app);
    facts.add(multi);
    facts.add(sig);
  }
  const auto same = [&](const ManifestRecord& told) {
    const auto record = facts.index.record_of(node_of(facts.index, "r", told.digest));
    return record.digest == told.digest && record.type == told.type && record.links == told.links &&
           record.artifact_type == told.artifact_type && record.annotations == told.annotations &&
           record.putters == told.putters &&
           (told.subject() == nullptr || record.size == told.size);
  };
  CHECK(same(app));
  CHECK(same(multi));
  CHECK(same(sig));
  CHECK(facts.index.media_type(facts.node("multi")) == oci::MediaType::index);
  CHECK(facts.names("multi", "app", Link::child));
  CHECK(facts.names("app", "layer", Link::blob));
  CHECK(facts.names("sig", "app", Link::subject));
  CHECK_FALSE(facts.names("app", "layer", Link::child));
  // Named is not there.
  CHECK(facts.node("arm") != kNone);
  CHECK_FALSE(facts.is_manifest("arm"));
  CHECK_FALSE(facts.is_manifest("layer"));
  const auto stats = facts.index.stats();
  CHECK(stats.manifests == 3);
  CHECK(stats.links == 6);
  CHECK(stats.referrers == 1);
  CHECK(stats.nodes == 7);
  CHECK(facts.index.repository_of(facts.node("app")) == facts.index.find_repository("r")->id);
}

TEST_CASE("index: a manifest that is put again may name more, for what was absent then is there") {
  Facts facts;
  facts.add(image("app", {"config"}));
  facts.add(image("app", {"config", "layer"}));
  facts.add(image("app", {"config"}));
  CHECK(facts.index.record_of(facts.node("app")).links == image("app", {"config", "layer"}).links);
}

// All loops wait for the index meanwhile.
TEST_CASE("index: a long manifest that is put again takes no longer than the first time") {
  using Clock = std::chrono::steady_clock;
  Facts facts;
  auto record = image("app", {});
  constexpr std::size_t kLinks = 20'000;
  for (std::size_t i = 0; i < kLinks; ++i) {
    record.links.push_back({Link::blob, digest_of(std::to_string(i))});
  }
  std::sort(record.links.begin(), record.links.end());
  const auto time = [&] {
    const auto start = Clock::now();
    facts.add(record);
    return Clock::now() - start;
  };
  const auto first = time();
  const auto again = time();
  CHECK(again < 10 * first);
  CHECK(facts.index.stats().links == kLinks);
}

TEST_CASE("index: a digest may be named as several things by one manifest") {
  Facts facts;
  auto record = image_index("multi", {"x"});
  record.links = {
      {Link::child, digest_of("x")}, {Link::blob, digest_of("x")}, {Link::subject, digest_of("x")}};
  facts.add(record);
  facts.add(record);
  CHECK(facts.index.stats().links == 3);
  CHECK(facts.names("multi", "x", Link::child));
  CHECK(facts.names("multi", "x", Link::blob));
  CHECK(facts.names("multi", "x", Link::subject));
  facts.remove_manifest("x");
  CHECK_FALSE(facts.names("multi", "x", Link::child));
  CHECK(facts.names("multi", "x", Link::blob));
  facts.remove_manifest("multi");
  CHECK(facts.index.stats().nodes == 0);
  CHECK(facts.index.stats().links == 0);
}

TEST_CASE("index: the same digest in two repositories is two things") {
  Facts facts;
  facts.add(image("app", {"layer"}));
  facts.index.add_manifest("s", image("app", {}), kNow);
  facts.index.possess("s", digest_of("layer"), "alice", Held::blob, kNow);
  CHECK(node_of(facts.index, "s", digest_of("app")) != facts.node("app"));
  CHECK(facts.index.record_of(node_of(facts.index, "s", digest_of("app"))).links.empty());
  CHECK_FALSE(facts.possesses("alice", "layer", Held::blob));
  facts.index.remove_manifest("s", digest_of("app"), kNow);
  CHECK(facts.is_manifest("app"));
}

TEST_CASE("index: a tag is set, moved and removed, and what it was at keeps a grace") {
  Facts facts;
  facts.add(image("one", {"layer"}));
  facts.add(image("two", {"layer"}));
  facts.set_tag("t", "one", kNow, "alice");
  facts.set_tag("u", "one", kNow, "bob");
  CHECK(facts.is_at("t", "one"));
  CHECK(facts.tags_of("one") == "t u");
  CHECK(facts.graces_of("one").empty());
  const auto* in = facts.index.find_repository("r");
  CHECK(facts.index.account_name(facts.index.find_tag(*in, "t")->account) == "alice");

  // To the same: nothing moves; who pushed it last is who pushed it last.
  facts.set_tag("t", "one", kNow + minutes(1), "carol");
  CHECK(facts.tags_of("one") == "t u");
  CHECK(facts.graces_of("one").empty());
  CHECK(facts.index.account_name(facts.index.find_tag(*in, "t")->account) == "carol");
  CHECK(facts.index.find_tag(*in, "t")->at == kNow + minutes(1));

  facts.set_tag("t", "two", kNow + minutes(2));
  CHECK(facts.is_at("t", "two"));
  CHECK(facts.index.find_tag(*in, "t")->account == kNone);
  CHECK(facts.tags_of("one") == "u");
  CHECK(facts.tags_of("two") == "t");
  CHECK(facts.graces_of("one") == "t+1020");
  CHECK(facts.graces_of("two").empty());

  facts.remove_tag("t", kNow + minutes(3));
  CHECK_FALSE(facts.has_tag("t"));
  CHECK(facts.tags_of("two").empty());
  CHECK(facts.graces_of("two") == "t+1080");
  CHECK(facts.is_manifest("two"));
  // Its sibling stays.
  CHECK(facts.is_at("u", "one"));
  CHECK(facts.index.stats().tags == 1);
}

TEST_CASE("index: a grace remembers who had pushed the tag") {
  Facts facts;
  facts.add(image("one", {}));
  facts.add(image("two", {}));
  facts.set_tag("t", "one", kNow, "alice");
  facts.set_tag("t", "two", kNow, "bob");
  facts.remove_tag("t");
  facts.set_tag("u", "one");
  facts.remove_tag("u");
  REQUIRE(facts.graces_of("one") == "t+900 u+900");
  CHECK(facts.index.graces_of(facts.node("one"))[0].account == "alice");
  CHECK(facts.index.graces_of(facts.node("one"))[1].account.empty());
  CHECK(facts.index.graces_of(facts.node("two"))[0].account == "bob");
}

TEST_CASE("index: a tag that comes and goes has one grace for each manifest, the last") {
  Facts facts;
  facts.add(image("one", {}));
  facts.add(image("two", {}));
  facts.set_tag("t", "one", kNow);
  facts.set_tag("t", "two", kNow + seconds(1));
  facts.set_tag("t", "one", kNow + seconds(2));
  facts.set_tag("t", "two", kNow + seconds(3));
  CHECK(facts.graces_of("one") == "t+903");
  CHECK(facts.graces_of("two") == "t+902");
  facts.remove_tag("t", kNow + seconds(4));
  CHECK(facts.graces_of("two") == "t+904");
}

TEST_CASE("index: without a grace a moved tag leaves nothing behind") {
  Facts facts{Index::Options{.grace = seconds(0)}};
  facts.add(image("one", {}));
  facts.add(image("two", {}));
  facts.set_tag("t", "one");
  facts.set_tag("t", "two");
  facts.remove_tag("t");
  CHECK(facts.graces_of("one").empty());
  CHECK(facts.graces_of("two").empty());
  CHECK(Facts::are(facts.forget(kNow).manifests, {"one", "two"}));
  CHECK(facts.index.stats().nodes == 0);
}

TEST_CASE("index: a delete by digest ends tags, graces, links of indexes, and its pusher's hold") {
  Facts facts;
  facts.add(image("app", {"config", "layer"}));
  facts.add(image("other", {"layer"}));
  facts.add(image_index("multi", {"app", "other"}));
  facts.add(referrer("sig", "app", "alice"));
  facts.set_tag("t", "app");
  facts.set_tag("u", "app");
  facts.set_tag("v", "app");
  facts.set_tag("v", "other");
  facts.set_tag("m", "multi");
  facts.possess("alice", "app", Held::manifest);
  facts.possess("bob", "app", Held::blob);
  facts.possess("carol", "app", Held::blob);
  facts.possess("carol", "app", Held::manifest);
  facts.possess("alice", "layer", Held::blob);
  facts.remove_manifest("app");

  CHECK_FALSE(facts.is_manifest("app"));
  CHECK_FALSE(facts.has_tag("t"));
  CHECK_FALSE(facts.has_tag("u"));
  CHECK(facts.is_at("v", "other"));
  CHECK(facts.graces_of("app").empty());
  CHECK_FALSE(facts.names("app", "layer", Link::blob));
  CHECK_FALSE(facts.names("multi", "app", Link::child));
  CHECK(facts.names("multi", "other", Link::child));
  CHECK(facts.names("sig", "app", Link::subject));
  CHECK_FALSE(facts.possesses("alice", "app", Held::manifest));
  CHECK_FALSE(facts.possesses("carol", "app", Held::manifest));
  // That he uploaded the same bytes as a blob stays true.
  CHECK(facts.possesses("bob", "app", Held::blob));
  CHECK(facts.possesses("carol", "app", Held::blob));
  CHECK(facts.possesses("alice", "layer", Held::blob));
  CHECK(facts.node("config") == kNone);

  // It comes again: only who names it anew reaches it.
  facts.add(image("app", {"config", "layer"}));
  CHECK_FALSE(facts.names("multi", "app", Link::child));
  CHECK(facts.names("sig", "app", Link::subject));
  facts.add(image_index("multi", {"app", "other"}));
  CHECK(facts.names("multi", "app", Link::child));
}

TEST_CASE("index: a delete of a blob ends the hold of those who uploaded it") {
  Facts facts;
  facts.add(image("app", {"layer"}));
  facts.possess("alice", "layer", Held::blob);
  facts.possess("bob", "loose", Held::blob);
  facts.possess("bob", "app", Held::blob);
  facts.possess("bob", "app", Held::manifest);
  for (const auto* word : {"layer", "loose", "app"}) facts.index.remove_blob("r", digest_of(word));
  CHECK_FALSE(facts.possesses("alice", "layer", Held::blob));
  CHECK(facts.node("loose") == kNone);
  CHECK_FALSE(facts.possesses("bob", "app", Held::blob));
  CHECK(facts.possesses("bob", "app", Held::manifest));
  CHECK(facts.is_manifest("app"));
  CHECK(facts.index.stats().possessions == 1);
}

TEST_CASE("index: possession is of an account, a thing and the way it came") {
  Facts facts;
  facts.possess("alice", "x", Held::blob);
  CHECK(facts.possesses("alice", "x", Held::blob));
  CHECK_FALSE(facts.possesses("alice", "x", Held::manifest));
  CHECK_FALSE(facts.possesses("bob", "x", Held::blob));
  CHECK_FALSE(facts.possesses("alice", "y", Held::blob));
  facts.possess("bob", "x", Held::manifest);
  CHECK(facts.possesses("bob", "x", Held::manifest));
  CHECK_FALSE(facts.possesses("bob", "x", Held::blob));
  facts.possess("alice", "x", Held::manifest);
  CHECK(facts.possesses("alice", "x", Held::blob));
  CHECK(facts.possesses("alice", "x", Held::manifest));
  CHECK(facts.index.stats().possessions == 2);
  CHECK(facts.index.came_as_blob(facts.node("x")));
  for (const auto& held : facts.index.possessions_of(facts.node("x"))) {
    CHECK(held.when(Held::blob) == (held.account == "alice" ? kNow : PossessionRecord::kNever));
    CHECK(held.when(Held::manifest) == kNow);
  }
  facts.possess("bob", "y", Held::manifest);
  CHECK_FALSE(facts.index.came_as_blob(facts.node("y")));
}

TEST_CASE("index: possession lasts seven days where no tag reaches") {
  Facts facts;
  facts.possess("alice", "x", Held::blob, kNow);
  CHECK(facts.possesses("alice", "x", Held::blob, kNow + days(7) - seconds(1)));
  CHECK_FALSE(facts.possesses("alice", "x", Held::blob, kNow + days(7)));
  // Brought again, it begins anew; what is told of earlier does not shorten it.
  facts.possess("alice", "x", Held::blob, kNow + days(3));
  facts.possess("alice", "x", Held::blob, kNow + days(1));
  CHECK(facts.possesses("alice", "x", Held::blob, kNow + days(10) - seconds(1)));
  CHECK_FALSE(facts.possesses("alice", "x", Held::blob, kNow + days(10)));
}

TEST_CASE(
    "index: possession lasts while a tag reaches, and seven days from when the last one left") {
  Facts facts;
  facts.add(image("app", {"layer"}));
  facts.add(image_index("multi", {"app"}));
  facts.possess("alice", "layer", Held::blob, kNow);
  facts.possess("alice", "app", Held::manifest, kNow);
  facts.set_tag("t", "multi", kNow);
  const auto later = kNow + days(100);
  CHECK(facts.possesses("alice", "layer", Held::blob, later));
  CHECK(facts.possesses("alice", "app", Held::manifest, later));

  SUBCASE("by a delete of the tag") { facts.remove_tag("t", later); }
  SUBCASE("by a move of the tag") {
    facts.add(image("other", {}));
    facts.set_tag("t", "other", later);
  }
  SUBCASE("by a delete of the index") { facts.remove_manifest("multi", later); }
  CHECK(facts.possesses("alice", "layer", Held::blob, later + days(7) - seconds(1)));
  CHECK(facts.possesses("alice", "app", Held::manifest, later + days(7) - seconds(1)));
  CHECK_FALSE(facts.possesses("alice", "layer", Held::blob, later + days(7)));
  CHECK_FALSE(facts.possesses("alice", "app", Held::manifest, later + days(7)));
}

TEST_CASE("index: what an account has as a blob does not keep what it has as a manifest") {
  Facts facts;
  facts.add(image("app", {}));
  facts.possess("alice", "app", Held::manifest, kNow);
  facts.possess("bob", "app", Held::blob, kNow);
  const auto later = kNow + days(6);
  facts.possess("alice", "app", Held::blob, later);
  facts.possess("bob", "app", Held::manifest, later);
  const auto end = kNow + days(7);
  CHECK_FALSE(facts.possesses("alice", "app", Held::manifest, end));
  CHECK(facts.possesses("alice", "app", Held::blob, end));
  CHECK_FALSE(facts.possesses("bob", "app", Held::blob, end));
  CHECK(facts.possesses("bob", "app", Held::manifest, end));
}

TEST_CASE("index: what has lapsed is not revived by a tag that comes to reach it") {
  Facts facts;
  facts.add(image("app", {"layer"}));
  facts.add(referrer("sig", "app", "alice", {"sig-layer"}));
  const Words all{"app", "layer", "sig", "sig-layer"};
  for (const auto word : all) {
    for (const auto as : kHelds) {
      facts.possess("alice", word, as, kNow);
      facts.possess("bob", word, as, kNow + days(1));
    }
  }
  const auto later = kNow + days(7);
  SUBCASE("that is set") { facts.set_tag("t", "app", later); }
  SUBCASE("that is moved") {
    facts.add(image("other", {}), later);
    facts.set_tag("t", "other", later);
    facts.set_tag("t", "app", later);
  }
  SUBCASE("at an index that is put") {
    facts.add(image_index("multi", {"app"}), later);
    facts.set_tag("t", "multi", later);
  }
  SUBCASE("at an index that comes to name it") {
    facts.add(image_index("multi", {}), kNow);
    facts.set_tag("t", "multi", kNow);
    facts.add(image_index("multi", {"app"}), later);
  }
  SUBCASE("at what it speaks of") {
    // Known to speak of it only now.
    facts.add(image("subject", {}), kNow);
    facts.set_tag("t", "subject", kNow);
    auto app = image("app", {"layer"});
    app.links.push_back({Link::subject, digest_of("subject")});
    app.putters = {{"alice", ""}};
    facts.remove_manifest("app", kNow);
    for (const auto as : kHelds) {
      facts.possess("alice", "app", as, kNow);
      facts.possess("bob", "app", as, kNow + days(1));
    }
    facts.add(app, later);
  }
  for (const auto now : {later, later + days(100)}) {
    for (const auto word : all) {
      CAPTURE(word);
      CHECK(facts.index.is_tagged(facts.node(word)));
      for (const auto as : kHelds) {
        CHECK_FALSE(facts.possesses("alice", word, as, now));
        CHECK(facts.possesses("bob", word, as, now));
      }
    }
  }
  // That it came as a blob stays true, and who brings it again has it again.
  CHECK(facts.index.came_as_blob(facts.node("layer")));
  facts.possess("alice", "layer", Held::blob, later);
  CHECK(facts.possesses("alice", "layer", Held::blob, later + days(100)));
  CHECK_FALSE(facts.possesses("alice", "layer", Held::manifest, later + days(100)));
}

TEST_CASE("index: what a tag keeps starts anew when another comes, so it is not looked for again") {
  Facts facts;
  facts.add(image("old", {"layer"}));
  facts.add(image("new", {"layer"}));
  facts.possess("alice", "layer", Held::blob);
  facts.set_tag("t", "old");
  const auto later = kNow + days(100);
  facts.set_tag("u", "new", later);
  const auto held = facts.index.possessions_of(facts.node("layer"));
  REQUIRE(held.size() == 1);
  CHECK(held[0].when(Held::blob) == later);
  CHECK(held[0].when(Held::manifest) == PossessionRecord::kNever);
}

TEST_CASE("index: a delete of what no tag reaches keeps nothing alive") {
  Facts facts;
  facts.add(image("app", {"layer"}));
  facts.add(image_index("multi", {"app"}));
  facts.possess("alice", "app", Held::manifest);
  facts.possess("alice", "layer", Held::blob);
  // As a layer only: what it names is reached by nothing.
  facts.add(image("other", {"multi"}));
  facts.set_tag("t", "other");
  facts.remove_manifest("multi", kNow + days(5));
  CHECK_FALSE(facts.possesses("alice", "app", Held::manifest, kNow + days(7)));
  CHECK_FALSE(facts.possesses("alice", "layer", Held::blob, kNow + days(7)));
}

TEST_CASE("index: a tag keeps nothing alive through a child that was forgotten") {
  Facts facts;
  facts.add(image("app", {}));
  facts.add(image_index("multi", {"app"}));
  facts.add(referrer("sig", "app", "alice"));
  facts.possess("alice", "multi", Held::manifest, kNow);
  facts.possess("alice", "sig", Held::manifest, kNow);
  CHECK(Facts::are(facts.forget(kNow).manifests, {"app"}));
  facts.set_tag("t", "multi", kNow);
  facts.possess("alice", "app", Held::blob, kNow);
  facts.remove_tag("t", kNow + days(5));
  CHECK(facts.possesses("alice", "multi", Held::manifest, kNow + days(7)));
  CHECK_FALSE(facts.possesses("alice", "sig", Held::manifest, kNow + days(7)));
  CHECK_FALSE(facts.possesses("alice", "app", Held::blob, kNow + days(7)));
}

TEST_CASE("index: possession of a referrer lasts seven days from when its subject's tag left") {
  Facts facts;
  facts.add(image("app", {}));
  facts.add(referrer("sig", "app", "alice", {"sig-layer"}));
  facts.possess("alice", "sig", Held::manifest, kNow);
  facts.possess("alice", "sig-layer", Held::blob, kNow);
  facts.set_tag("t", "app", kNow);
  const auto later = kNow + days(100);
  CHECK(facts.possesses("alice", "sig", Held::manifest, later));
  CHECK(facts.possesses("alice", "sig-layer", Held::blob, later));
  SUBCASE("by a delete of the tag") { facts.remove_tag("t", later); }
  SUBCASE("by a delete of the subject") { facts.remove_manifest("app", later); }
  CHECK(facts.possesses("alice", "sig", Held::manifest, later + days(7) - seconds(1)));
  CHECK(facts.possesses("alice", "sig-layer", Held::blob, later + days(7) - seconds(1)));
  CHECK_FALSE(facts.possesses("alice", "sig", Held::manifest, later + days(7)));
  CHECK_FALSE(facts.possesses("alice", "sig-layer", Held::blob, later + days(7)));
  // Nor is it forgotten before.
  auto forgotten = facts.forget(later + days(7) - seconds(1));
  CHECK_FALSE(Facts::are(forgotten.manifests, {"sig"}));
}

TEST_CASE("index: a tag reaches by children, blobs and subjects, whatever the rights") {
  Facts facts;
  facts.add(image("app", {"layer"}));
  facts.add(image_index("multi", {"app"}));
  facts.add(image_index("outer", {"multi"}));
  facts.add(referrer("sig", "app", "alice", {"sig-layer"}));
  facts.add(referrer("sig-of-sig", "sig", "", {"sig-sig-layer"}));
  facts.add(image("loose", {"loose-layer"}));
  const Words kReached = {"app", "layer",     "multi",      "outer",
                          "sig", "sig-layer", "sig-of-sig", "sig-sig-layer"};
  for (const auto word : kReached) {
    CAPTURE(word);
    CHECK_FALSE(facts.index.is_tagged(facts.node(word)));
  }
  facts.set_tag("t", "outer");
  for (const auto word : kReached) {
    CAPTURE(word);
    CHECK(facts.index.is_tagged(facts.node(word)));
  }
  CHECK_FALSE(facts.index.is_tagged(facts.node("loose")));
  CHECK_FALSE(facts.index.is_tagged(facts.node("loose-layer")));
  // Never back: what speaks of a manifest gives it nothing.
  facts.remove_tag("t");
  facts.set_tag("s", "sig");
  CHECK(facts.index.is_tagged(facts.node("sig-of-sig")));
  CHECK_FALSE(facts.index.is_tagged(facts.node("app")));
  CHECK_FALSE(facts.index.is_tagged(facts.node("layer")));
}

TEST_CASE("index: what is below a manifest, each once, and not its subject") {
  Facts facts;
  facts.add(image("a", {"layer", "a-layer"}));
  facts.add(image("b", {"layer"}));
  auto multi = image_index("multi", {"a", "b"});
  multi.links.push_back({Link::subject, digest_of("subject")});
  multi.putters = {{"alice", ""}};
  facts.add(multi);
  std::vector<NodeId> below;
  facts.index.each_below(facts.node("multi"), [&](NodeId node) { below.push_back(node); });
  std::vector<NodeId> wanted;
  for (const auto* word : {"multi", "a", "b", "layer", "a-layer"}) {
    wanted.push_back(facts.node(word));
  }
  std::sort(below.begin(), below.end());
  std::sort(wanted.begin(), wanted.end());
  CHECK(below == wanted);
}

TEST_CASE("index: a layer that is a manifest too is reached as a layer, and nothing by it") {
  Facts facts;
  facts.add(image("app", {"layer"}));
  facts.add(image("layer", {"deeper"}));
  facts.set_tag("t", "app");
  CHECK(facts.index.is_tagged(facts.node("layer")));
  CHECK_FALSE(facts.index.is_tagged(facts.node("deeper")));
  std::size_t below = 0;
  facts.index.each_below(facts.node("app"), [&](NodeId) { ++below; });
  CHECK(below == 2);
}

TEST_CASE("index: what is a layer of one and a child of another is reached as both, in any order") {
  for (int i = 0; i < 20; ++i) {
    CAPTURE(i);
    const auto inner = "inner" + std::to_string(i);
    Facts facts;
    facts.add(image_index("multi", {"a", inner, "z"}));
    facts.add(image("a", {"both"}));
    facts.add(image("z", {"both"}));
    facts.add(image_index(inner, {"both"}));
    facts.add(image("both", {"deeper"}));
    std::size_t below = 0;
    facts.index.each_below(facts.node("multi"), [&](NodeId) { ++below; });
    CHECK(below == 6);
    facts.possess("alice", "deeper", Held::blob, kNow);
    facts.set_tag("t", "multi");
    facts.remove_tag("t", kNow + days(100));
    CHECK(facts.possesses("alice", "deeper", Held::blob, kNow + days(101)));
  }
}

TEST_CASE("index: a circle of links is gone around once") {
  // No digests can form one, but a file on disk might.
  Facts facts;
  facts.add(image_index("a", {"b"}));
  facts.add(image_index("b", {"c"}));
  facts.add(image_index("c", {"a"}));
  facts.add(image_index("self", {"self"}));
  std::size_t count = 0;
  facts.index.each_below(facts.node("a"), [&](NodeId) { ++count; });
  CHECK(count == 3);
  CHECK_FALSE(facts.index.is_tagged(facts.node("a")));
  facts.set_tag("t", "b");
  CHECK(facts.index.is_tagged(facts.node("a")));
  facts.remove_manifest("self");
  facts.remove_manifest("b");
  facts.remove_manifest("a");
  facts.remove_manifest("c");
  CHECK(facts.index.stats().nodes == 0);
  CHECK(facts.index.stats().links == 0);
}

TEST_CASE("index: who put a referrer is kept, each account once with its last address") {
  Facts facts;
  facts.add(image("app", {}));
  facts.add(referrer("sig", "app", "alice"));
  facts.add(referrer("sig", "app", "bob"));
  auto again = referrer("sig", "app", "alice");
  again.putters[0].address = "192.0.2.1";
  facts.add(again);
  const auto* referrer_of = facts.index.find_referrer(facts.node("sig"));
  REQUIRE(referrer_of != nullptr);
  CHECK(referrer_of->subject == facts.node("app"));
  CHECK(referrer_of->putters == std::vector<Putter>{{"bob", "10.0.0.1"}, {"alice", "192.0.2.1"}});
  CHECK(facts.index.find_referrer(facts.node("app")) == nullptr);
  // The latest ones, where there are many.
  for (int i = 0; i < 40; ++i) facts.add(referrer("sig", "app", "user" + std::to_string(i)));
  const auto& putters = facts.index.find_referrer(facts.node("sig"))->putters;
  CHECK(putters.size() <= 16);
  CHECK(putters.back().account == "user39");
  facts.remove_manifest("sig");
  CHECK(facts.index.stats().referrers == 0);
}

TEST_CASE("index: what nobody can reach any more is forgotten, when its time has come") {
  Facts facts;
  facts.add(image("tagged", {"layer"}));
  facts.set_tag("t", "tagged");
  facts.add(image("moved", {"layer", "moved-layer"}));
  facts.set_tag("u", "moved");
  facts.set_tag("u", "tagged");
  facts.add(image("held", {"held-layer"}));
  facts.possess("alice", "held", Held::manifest);
  facts.possess("alice", "upload", Held::blob);
  facts.add(image("orphan", {"layer"}));

  auto forgotten = facts.forget(kNow);
  CHECK(Facts::are(forgotten.manifests, {"orphan"}));
  CHECK(Facts::are(forgotten.possessions, {}));
  CHECK(facts.node("orphan") == kNone);
  CHECK(facts.is_manifest("moved"));

  // What has a grace stays to its end.
  forgotten = facts.forget(kNow + minutes(15) - seconds(1));
  CHECK(Facts::are(forgotten.manifests, {}));
  forgotten = facts.forget(kNow + minutes(15));
  CHECK(Facts::are(forgotten.manifests, {"moved"}));
  CHECK(facts.node("moved-layer") == kNone);
  CHECK(facts.node("layer") != kNone);

  forgotten = facts.forget(kNow + days(7) - seconds(1));
  CHECK(Facts::are(forgotten.manifests, {}));
  CHECK(Facts::are(forgotten.possessions, {}));
  forgotten = facts.forget(kNow + days(7));
  CHECK(Facts::are(forgotten.manifests, {"held"}));
  CHECK(Facts::are(forgotten.possessions, {"held", "upload"}));
  CHECK(facts.node("upload") == kNone);
  CHECK(facts.node("held-layer") == kNone);

  CHECK(facts.is_at("t", "tagged"));
  CHECK(facts.index.stats().nodes == 2);
  CHECK(facts.index.stats().possessions == 0);
  CHECK(forgotten.manifests[0].first == facts.index.find_repository("r")->id);
}

TEST_CASE("index: possession of what a tag reaches is not forgotten") {
  Facts facts;
  facts.add(image("app", {"layer"}));
  facts.add(referrer("sig", "app", "alice", {"sig-layer"}));
  facts.set_tag("t", "app");
  for (const auto* word : {"layer", "sig-layer"}) facts.possess("alice", word, Held::blob);
  for (const auto* word : {"app", "sig"}) facts.possess("alice", word, Held::manifest);
  const auto forgotten = facts.forget(kNow + days(1000));
  CHECK(Facts::are(forgotten.manifests, {}));
  CHECK(Facts::are(forgotten.possessions, {}));
  CHECK(facts.index.stats().possessions == 4);
}

TEST_CASE("index: one recent hold keeps a thing for all") {
  Facts facts;
  facts.possess("alice", "x", Held::blob, kNow);
  facts.possess("bob", "x", Held::blob, kNow + days(5));
  CHECK(Facts::are(facts.forget(kNow + days(8)).possessions, {}));
  CHECK_FALSE(facts.possesses("alice", "x", Held::blob, kNow + days(8)));
  CHECK(facts.possesses("bob", "x", Held::blob, kNow + days(8)));
  CHECK(Facts::are(facts.forget(kNow + days(12)).possessions, {"x"}));
}

TEST_CASE("index: a grace that was loaded counts as one that was given") {
  Facts facts;
  facts.add(image("app", {"layer"}));
  facts.index.add_grace("r", digest_of("app"), {"t", kNow + minutes(5), ""});
  CHECK(facts.graces_of("app") == "t+300");
  CHECK(Facts::are(facts.forget(kNow + minutes(5) - seconds(1)).manifests, {}));
  CHECK(Facts::are(facts.forget(kNow + minutes(5)).manifests, {"app"}));
  CHECK(facts.index.stats().nodes == 0);
}

TEST_CASE("index: a look for what is to be forgotten goes on where it ended") {
  Facts facts;
  for (int i = 0; i < 10; ++i) facts.possess("alice", std::to_string(i), Held::blob);
  Touched forgotten;
  facts.index.watch(&forgotten);
  const auto then = kNow + days(8);
  CHECK(facts.index.forget(0, 4, then) == 4);
  CHECK(forgotten.possessions.size() == 4);
  CHECK(facts.index.forget(4, 4, then) == 8);
  CHECK(facts.index.forget(8, 4, then) == kNone);
  CHECK(forgotten.possessions.size() == 10);
  // The table may have become shorter, or have been empty from the first.
  CHECK(facts.index.forget(100, 4, then) == kNone);
  CHECK(Facts().index.forget(0, 4, then) == kNone);
}

TEST_CASE("index: a node that was released is used again, and nothing of it is left") {
  Facts facts;
  facts.add(referrer("old", "subject", "alice", {"x"}));
  facts.index.possess("r", long_digest_of("old-long"), "alice", Held::blob, kNow);
  const auto bound = facts.index.node_bound();
  facts.remove_manifest("old");
  facts.index.remove_blob("r", long_digest_of("old-long"));
  CHECK(facts.index.stats().nodes == 0);
  for (const auto* word : {"1", "2", "3", "4"}) facts.possess("bob", word, Held::blob);
  CHECK(facts.index.node_bound() == bound);
  for (const auto* word : {"1", "2", "3", "4"}) {
    CAPTURE(word);
    const auto node = facts.node(word);
    REQUIRE(node != kNone);
    CHECK(facts.index.digest_of(node) == digest_of(word));
    CHECK_FALSE(facts.index.is_manifest(node));
    CHECK(facts.index.find_referrer(node) == nullptr);
    CHECK(facts.index.tags_of(node).empty());
    CHECK(facts.index.graces_of(node).empty());
    CHECK_FALSE(facts.possesses("alice", word, Held::blob));
    CHECK(facts.possesses("bob", word, Held::blob));
  }
  for (const auto* word : {"old", "subject", "x"}) CHECK(facts.node(word) == kNone);
  CHECK(node_of(facts.index, "r", long_digest_of("old-long")) == kNone);
}

TEST_CASE("index: sha512 digests stand beside sha256 ones") {
  Facts facts;
  const auto layer = long_digest_of("layer");
  const auto app = long_digest_of("app");
  ManifestRecord record;
  record.digest = app;
  record.links = {{Link::blob, layer}};
  facts.index.add_manifest("r", record, kNow);
  facts.index.set_tag("r", {"t", app, "alice", kNow}, kNow);
  const auto node = node_of(facts.index, "r", app);
  REQUIRE(node != kNone);
  CHECK(facts.index.digest_of(node) == app);
  CHECK(facts.index.record_of(node).links == record.links);
  CHECK(facts.index.is_tagged(node_of(facts.index, "r", layer)));
  facts.index.remove_manifest("r", app, kNow);
  CHECK(facts.index.stats().nodes == 0);
}

TEST_CASE("index: who holds the text of a sha512 digest as a blob does not hold what it names") {
  Facts facts;
  const auto secret = long_digest_of("secret");
  auto app = image("app", {});
  app.links = {{Link::blob, secret}};
  facts.add(app);
  // Anyone may upload the bytes "sha512:…": their sha256 is a digest like any other.
  facts.index.possess("r", oci::sha256_of(secret), "mallory", Held::blob, kNow);
  const auto node = node_of(facts.index, "r", secret);
  CHECK(node != node_of(facts.index, "r", oci::sha256_of(secret)));
  CHECK_FALSE(facts.index.possesses("mallory", node, Held::blob, kNow));
}

TEST_CASE("index: what another of its name brought is not the account's") {
  const auto since = acl::kTestNow;
  const auto facts = [&](Index& index) {
    index.set_accounts(std::vector<AccountRecord>{{"alice", since}, {"bob", {}}});
    for (const auto* account : {"alice", "bob"}) {
      const std::string repository = std::string("of-") + account;
      index.add_manifest(repository, image("app", {"layer"}), kNow);
      index.add_manifest(repository, referrer("sig", "app", account), kNow);
      index.set_tag(repository, tag("old", "app", account), kNow);
      index.set_tag(repository, tag("v1", "app", account), kNow);
      index.remove_tag(repository, "old", kNow);
      index.possess(repository, digest_of("layer"), account, Held::blob, kNow);
    }
  };
  const auto has_nothing = [](const Index& index, const std::string& account) {
    const std::string repository = "of-" + account;
    const auto app = node_of(index, repository, digest_of("app"));
    return index.find_tag(repository, "v1")->account == kNone &&
           index.graces_of(app).front().account.empty() &&
           !index.possesses(account, node_of(index, repository, digest_of("layer")), Held::blob,
                            kNow) &&
           index.find_referrer(node_of(index, repository, digest_of("sig")))->putters.empty();
  };
  Index index{Index::Options{}};
  facts(index);
  const std::string before = dump(index);

  SUBCASE("the same accounts change nothing, in any number of turns") {
    const std::vector<AccountRecord> same{{"alice", since}, {"bob", {}}, {"carol", {}}};
    CHECK(index.has_accounts(same));
    index.set_accounts(same);
    CHECK(dump(index) == before);
  }
  SUBCASE("another time is somebody else") {
    const std::vector<AccountRecord> next{{"alice", since + std::chrono::milliseconds(1)},
                                          {"bob", {}}};
    CHECK_FALSE(index.has_accounts(next));
    index.set_accounts(next);
    CHECK(index.has_accounts(next));
    CHECK(has_nothing(index, "alice"));
    CHECK_FALSE(has_nothing(index, "bob"));
    // The bytes came as a blob all the same: they become no child of an index.
    CHECK(index.came_as_blob(node_of(index, "of-alice", digest_of("layer"))));
    // What the new one brings is its own, also after the next policies.
    index.possess("of-alice", digest_of("layer"), "alice", Held::blob, kNow);
    index.set_accounts(next);
    CHECK(
        index.possesses("alice", node_of(index, "of-alice", digest_of("layer")), Held::blob, kNow));
  }
  SUBCASE("one that was gone meanwhile is somebody else, whatever is known of it") {
    index.set_accounts(std::vector<AccountRecord>{{"alice", since}});
    CHECK(dump(index) == before);
    index.set_accounts(std::vector<AccountRecord>{{"alice", since}, {"bob", {}}});
    CHECK(has_nothing(index, "bob"));
    CHECK_FALSE(has_nothing(index, "alice"));
  }
}

TEST_CASE("index: figures of what there is") {
  Facts facts;
  facts.add(image("app", {"config", "layer"}));
  facts.add(referrer("sig", "app", "alice", {"config"}));
  facts.index.add_manifest("s", image("app", {"config"}), kNow);
  facts.set_tag("t", "app", kNow, "alice");
  facts.set_tag("u", "app", kNow, "bob");
  facts.possess("alice", "sig", Held::manifest);
  const auto stats = facts.index.stats();
  CHECK(stats.repositories == 2);
  CHECK(stats.tags == 2);
  CHECK(stats.manifests == 3);
  CHECK(stats.nodes == 6);
  CHECK(stats.links == 5);
  CHECK(stats.possessions == 1);
  CHECK(stats.referrers == 1);
  CHECK(stats.accounts == 2);
  CHECK(stats.bytes > 0);
  std::size_t in_r = 0;
  facts.index.each_manifest(facts.index.find_repository("r")->id, [&](NodeId) { ++in_r; });
  CHECK(in_r == 2);
}

}  // namespace layergate::index
