#include "proxy/gate.h"

#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "tests/unit/acl/policy_text.h"
#include "tests/unit/index/facts.h"

namespace layergate::proxy {
namespace {

using index::digest_of;
using index::fallback_tag;
using index::Held;
using index::image;
using index::image_index;
using index::kNow;
using index::referrer;

// One account for each kind of right on the repository "r"; "foreign" may be used from elsewhere.
const char* const kPolicy = R"(
version: 1
users:
  puller: {permissions: [view, pull]}
  pusher: {permissions: [view, pull, push]}
  owner: {permissions: [view, pull, push, delete]}
  some: {permissions: [view, pull, push, delete]}
  blind: {permissions: [push]}
  capped: {permissions: [view]}
  held: {permissions: [view, pull, push, delete]}
  stranger: {permissions: [view, pull, push, delete]}
  peeker: {permissions: [view, pull]}
  root: {permissions: [admin]}
  foreign: {permissions: [admin], from: [192.0.2.0/24]}
  left: {permissions: [admin], enabled: false}
  guest: {permissions: [admin], expires: 2026-01-01T00:00:00Z}
rules:
  - {who: [puller, pusher, owner, held, blind, capped], images: [r], allow: [view, pull, push, delete]}
  - {who: [some, peeker], images: ["r:t*"], allow: [view, pull, push, delete]}
  - {who: [held], images: ["r:kept"], deny: [pull, push, delete], reason: kept for the court}
  - {who: [pusher, owner], images: [a/manifests, a/b], allow: [view, pull, push, delete]}
immutable: ["r:v*", "locked:*"]
)";

// r:t1     app     app-layer base            sha256-<app>.sig: sig
//                  and, by pusher, a referrer: attest
// r:t2     multi   (an index) amd arm
// r:other  other   other-layer base, arm     sha256-<other>: other-sig
// r:v1     release release-layer
// r:kept   kept    base kept-layer
// and untagged: loose, of pusher; upload, of pusher.
void fill(index::Index& facts, std::string_view repository) {
  const auto tag = [&](std::string_view name, std::string_view word) {
    facts.set_tag(repository, index::tag(name, word), kNow);
  };
  const auto add = [&](std::string_view word, index::Words blobs) {
    facts.add_manifest(repository, image(word, blobs), index::kNow);
  };
  add("app", {"app-layer", "base"});
  add("amd", {"amd-layer"});
  add("arm", {"arm-layer"});
  add("other", {"other-layer", "base"});
  add("release", {"release-layer"});
  add("kept", {"kept-layer", "base"});
  add("sig", {"sig-layer"});
  add("other-sig", {"other-sig-layer"});
  add("loose", {"loose-layer"});
  facts.add_manifest(repository, image_index("multi", {"amd", "arm"}), index::kNow);
  facts.add_manifest(repository, image_index("others", {"other", "arm"}), index::kNow);
  facts.add_manifest(repository, referrer("attest", "app", "pusher", {"attest-layer"}),
                     index::kNow);
  tag("t1", "app");
  tag("t2", "multi");
  tag("other", "others");
  tag("v1", "release");
  tag("kept", "kept");
  tag(fallback_tag("app"), "sig");
  tag(fallback_tag("other", ""), "other-sig");
  facts.possess(repository, digest_of("loose"), "pusher", Held::manifest, kNow);
  facts.possess(repository, digest_of("upload"), "pusher", Held::blob, kNow);
}

class World {
 public:
  explicit World(const char* policy = kPolicy) : policy_(policy) {
    fill(facts, "r");
    facts.set_complete(true);
  }

  [[nodiscard]] Ruling rule(std::string_view account, Method method,
                            const std::string& target) const {
    const auto question = target.find('?');
    const auto route =
        parse_route(method, target.substr(0, question),
                    question == std::string::npos ? "" : target.substr(question + 1));
    REQUIRE_MESSAGE(route.has_value(), target);
    return rule_on(*route, acl::Asked::who(account), *policy_.operator->(), facts);
  }
  // "200", or status and code of the refusal.
  [[nodiscard]] std::string ask(std::string_view account, Method method,
                                const std::string& target) const {
    const auto ruling = rule(account, method, target);
    if (!ruling.refusal) {
      CHECK(ruling.decision.allowed);
      return "200";
    }
    return std::to_string(ruling.refusal->status) + " " +
           std::string(to_string(ruling.refusal->code));
  }
  // The digest that a manifest of such contents is refused for, or "".
  [[nodiscard]] std::string missing(std::string_view account, index::Words manifests,
                                    index::Words blobs) const {
    oci::Manifest manifest;
    for (const auto word : manifests) manifest.manifests.push_back({digest_of(word), false});
    for (const auto word : blobs) manifest.blobs.push_back({digest_of(word), true});
    manifest.subject = digest_of("anything");
    const auto refusal =
        rule_on_contents(manifest, "r", acl::Asked::who(account), *policy_.operator->(), facts);
    if (!refusal) return "";
    CHECK(refusal->status == 404);
    CHECK(refusal->code == ErrorCode::manifest_blob_unknown);
    for (const auto words : {manifests, blobs}) {
      for (const auto word : words) {
        if (refusal->message.find(digest_of(word)) != std::string::npos) return std::string(word);
      }
    }
    return refusal->message;
  }

  index::Index facts{index::Index::Options{}};

 private:
  acl::Asked policy_;
};

std::string manifest(std::string_view word) { return "/v2/r/manifests/" + digest_of(word); }
std::string by_tag(const std::string& tag) { return "/v2/r/manifests/" + tag; }
std::string blob(std::string_view word) { return "/v2/r/blobs/" + digest_of(word); }

}  // namespace

TEST_CASE("gate: what each request needs") {
  const World world;
  struct Row {
    Method method;
    std::string target;
    // What each of these accounts gets.
    std::string puller, pusher, owner, some, stranger, root;
  };
  using enum Method;
  const std::string ok = "200";
  const std::string denied = "403 DENIED";
  const std::string no_manifest = "404 MANIFEST_UNKNOWN";
  const std::string no_blob = "404 BLOB_UNKNOWN";
  const auto sha512 = "/v2/r/manifests/sha512-" + std::string(64, 'a');
  const Row kRows[] = {
      {get, "/v2/", ok, ok, ok, ok, ok, ok},
      {get, "/v2/_catalog", ok, ok, ok, ok, ok, ok},
      {get, "/v2/r/tags/list", ok, ok, ok, ok, denied, ok},
      // By tag: the right on the tag, and then the tag has to be there.
      {get, by_tag("t1"), ok, ok, ok, ok, denied, ok},
      {head, by_tag("t1"), ok, ok, ok, ok, denied, ok},
      {get, by_tag("other"), ok, ok, ok, no_manifest, denied, ok},
      {get, by_tag("t9"), no_manifest, no_manifest, no_manifest, no_manifest, denied, no_manifest},
      {get, by_tag("gone"), no_manifest, no_manifest, no_manifest, no_manifest, denied,
       no_manifest},
      // By digest: a tag that reaches it.
      {get, manifest("app"), ok, ok, ok, ok, denied, ok},
      {head, manifest("app"), ok, ok, ok, ok, denied, ok},
      {get, manifest("amd"), ok, ok, ok, ok, denied, ok},
      {get, manifest("arm"), ok, ok, ok, ok, denied, ok},
      {get, manifest("other"), ok, ok, ok, no_manifest, denied, ok},
      {get, manifest("attest"), ok, ok, ok, ok, denied, ok},
      {get, manifest("sig"), ok, ok, ok, ok, denied, ok},
      {get, manifest("other-sig"), ok, ok, ok, no_manifest, denied, ok},
      // Untagged: who brought it, or an admin.
      {get, manifest("loose"), no_manifest, ok, no_manifest, no_manifest, denied, ok},
      {get, manifest("absent"), no_manifest, no_manifest, no_manifest, no_manifest, denied,
       no_manifest},
      // A blob is never one, though the registry would serve it as one.
      {get, manifest("base"), no_manifest, no_manifest, no_manifest, no_manifest, denied,
       no_manifest},
      {get, manifest("upload"), no_manifest, no_manifest, no_manifest, no_manifest, denied,
       no_manifest},
      {get, blob("base"), ok, ok, ok, ok, no_blob, ok},
      {head, blob("base"), ok, ok, ok, ok, no_blob, ok},
      {get, blob("amd-layer"), ok, ok, ok, ok, no_blob, ok},
      {get, blob("attest-layer"), ok, ok, ok, ok, no_blob, ok},
      {get, blob("sig-layer"), ok, ok, ok, ok, no_blob, ok},
      {get, blob("other-layer"), ok, ok, ok, no_blob, no_blob, ok},
      {get, blob("app"), ok, ok, ok, ok, no_blob, ok},
      {get, blob("upload"), no_blob, ok, no_blob, no_blob, no_blob, ok},
      {get, blob("loose-layer"), no_blob, no_blob, no_blob, no_blob, no_blob, ok},
      // Of blobs that nobody tagged the index does not know all: an admin asks the registry.
      {get, blob("absent"), no_blob, no_blob, no_blob, no_blob, no_blob, ok},
      {get, "/v2/r/referrers/" + digest_of("app"), ok, ok, ok, ok, denied, ok},
      {get, "/v2/r/referrers/" + digest_of("other"), ok, ok, ok, ok, denied, ok},
      {get, "/v2/r/referrers/" + digest_of("absent"), ok, ok, ok, ok, denied, ok},
      // An upload needs push on some tag.
      {post, "/v2/r/blobs/uploads/", denied, ok, ok, ok, denied, ok},
      {patch, "/v2/r/blobs/uploads/u", denied, ok, ok, ok, denied, ok},
      {put, "/v2/r/blobs/uploads/u", denied, ok, ok, ok, denied, ok},
      {get, "/v2/r/blobs/uploads/u", denied, ok, ok, ok, denied, ok},
      {erase, "/v2/r/blobs/uploads/u", denied, ok, ok, ok, denied, ok},
      {put, by_tag("t1"), denied, ok, ok, ok, denied, ok},
      {put, by_tag("t9"), denied, ok, ok, ok, denied, ok},
      {put, by_tag("other"), denied, ok, ok, denied, denied, ok},
      {put, by_tag("new"), denied, ok, ok, denied, denied, ok},
      {put, manifest("app"), denied, ok, ok, ok, denied, ok},
      {put, manifest("absent"), denied, ok, ok, ok, denied, ok},
      // Tags that speak of a manifest go by the tags that reach it.
      {get, by_tag(fallback_tag("app")), ok, ok, ok, ok, denied, ok},
      {head, by_tag(fallback_tag("other", "")), ok, ok, ok, no_manifest, denied, ok},
      {get, by_tag(fallback_tag("app", ".att")), no_manifest, no_manifest, no_manifest, no_manifest,
       denied, no_manifest},
      {put, by_tag(fallback_tag("app")), denied, ok, ok, ok, denied, ok},
      {put, by_tag(fallback_tag("arm", ".sbom")), denied, ok, ok, ok, denied, ok},
      {put, by_tag(fallback_tag("other")), denied, ok, ok, denied, denied, ok},
      {put, by_tag(fallback_tag("absent")), denied, ok, ok, denied, denied, ok},
      {erase, by_tag(fallback_tag("app")), denied, denied, ok, ok, denied, ok},
      {erase, by_tag(fallback_tag("other", "")), denied, denied, ok, denied, denied, ok},
      {put, sha512, denied, ok, ok, denied, denied, ok},
      {erase, by_tag("t1"), denied, denied, ok, ok, denied, ok},
      {erase, by_tag("other"), denied, denied, ok, denied, denied, ok},
      {erase, by_tag("t9"), denied, denied, no_manifest, no_manifest, denied, no_manifest},
      // Delete on every tag that reaches it.
      {erase, manifest("app"), denied, denied, ok, ok, denied, ok},
      {erase, manifest("amd"), denied, denied, ok, ok, denied, ok},
      {erase, manifest("arm"), denied, denied, ok, denied, denied, ok},
      {erase, manifest("other"), denied, denied, ok, no_manifest, denied, ok},
      {erase, manifest("attest"), denied, denied, ok, ok, denied, ok},
      {erase, manifest("sig"), denied, denied, ok, ok, denied, ok},
      // Where no tag reaches: its pusher, who holds every tag, an admin. To the others it is not
      // there.
      {erase, manifest("loose"), no_manifest, ok, ok, no_manifest, denied, ok},
      {erase, manifest("absent"), no_manifest, no_manifest, ok, no_manifest, denied, ok},
      {erase, blob("app-layer"), denied, denied, ok, ok, no_blob, ok},
      {erase, blob("arm-layer"), denied, denied, ok, denied, no_blob, ok},
      {erase, blob("base"), denied, denied, ok, denied, no_blob, ok},
      {erase, blob("other-layer"), denied, denied, ok, no_blob, no_blob, ok},
      {erase, blob("upload"), no_blob, denied, ok, no_blob, no_blob, ok},
      {erase, blob("absent"), no_blob, no_blob, ok, no_blob, no_blob, ok},
  };
  for (const auto& row : kRows) {
    CAPTURE(to_string(row.method));
    CAPTURE(row.target);
    CHECK(world.ask("puller", row.method, row.target) == row.puller);
    CHECK(world.ask("pusher", row.method, row.target) == row.pusher);
    CHECK(world.ask("owner", row.method, row.target) == row.owner);
    CHECK(world.ask("some", row.method, row.target) == row.some);
    CHECK(world.ask("stranger", row.method, row.target) == row.stranger);
    CHECK(world.ask("root", row.method, row.target) == row.root);
  }
}

TEST_CASE("gate: a refusal of what is there is, word for word, that of what is not") {
  const World world;
  using enum Method;
  struct Pair {
    Method method;
    std::string there;
    std::string absent;
  };
  const Pair kPairs[] = {
      {get, manifest("other"), manifest("absent")},   {head, manifest("loose"), manifest("absent")},
      {get, blob("other-layer"), blob("absent")},     {get, blob("upload"), blob("absent")},
      {erase, manifest("other"), manifest("absent")}, {erase, blob("other-layer"), blob("absent")},
      {get, by_tag("other"), by_tag("gone")},         {erase, by_tag("other"), by_tag("gone")},
      {put, by_tag("other"), by_tag("gone")},
  };
  for (const auto* account : {"some", "peeker", "stranger", "blind", "capped"}) {
    for (const auto& [method, there, absent] : kPairs) {
      const auto& this_target = there;
      CAPTURE(account);
      CAPTURE(this_target);
      const auto told = [&, &this_method = method](const std::string& target,
                                                   const std::string& name) {
        const auto ruling = world.rule(account, this_method, target);
        if (!ruling.refusal) return std::string("200");
        auto text = std::to_string(ruling.refusal->status) + to_json(*ruling.refusal) +
                    ruling.decision.to_string() + ruling.tag;
        // The image's own name is the asker's.
        for (auto at = text.find(name); at != std::string::npos; at = text.find(name)) {
          text.replace(at, name.size(), "it");
        }
        return text;
      };
      CHECK(told(there, there.substr(there.rfind('/') + 1)) ==
            told(absent, absent.substr(absent.rfind('/') + 1)));
    }
  }
}

TEST_CASE("gate: an account that may not be used is 401 everywhere, a foreign address 403") {
  const World world;
  struct Row {
    Method method;
    std::string target;
  };
  using enum Method;
  const Row kRows[] = {
      {get, "/v2/"},
      {get, "/v2/_catalog"},
      {get, "/v2/r/tags/list"},
      {get, by_tag("t1")},
      {get, by_tag(fallback_tag("app"))},
      {get, manifest("app")},
      {get, manifest("absent")},
      {get, blob("base")},
      {get, blob("absent")},
      {get, "/v2/r/referrers/" + digest_of("app")},
      {post, "/v2/r/blobs/uploads/"},
      {patch, "/v2/r/blobs/uploads/u"},
      {put, by_tag("t1")},
      {put, manifest("app")},
      {erase, by_tag("t1")},
      {erase, manifest("app")},
      {erase, manifest("absent")},
      {erase, blob("base")},
      {erase, blob("absent")},
  };
  for (const auto& row : kRows) {
    CAPTURE(to_string(row.method));
    CAPTURE(row.target);
    CHECK(world.ask("nobody", row.method, row.target) == "401 UNAUTHORIZED");
    CHECK(world.ask("left", row.method, row.target) == "401 UNAUTHORIZED");
    CHECK(world.ask("guest", row.method, row.target) == "401 UNAUTHORIZED");
    CHECK(world.ask("foreign", row.method, row.target) == "403 DENIED");
  }
}

TEST_CASE("gate: 401 does not tell why the account is not usable") {
  const World world;
  const auto message = [&](std::string_view account) {
    const auto ruling = world.rule(account, Method::get, by_tag("t1"));
    return ruling.refusal ? to_json(*ruling.refusal) : std::string();
  };
  CHECK(message("left") == message("nobody"));
  CHECK(message("guest") == message("nobody"));
  CHECK(message("nobody") == to_json(unauthorized()));
}

TEST_CASE("gate: who may push somewhere in the name gets 404 for a manifest, others 403") {
  const World world;
  CHECK(world.ask("some", Method::get, by_tag("other")) == "404 MANIFEST_UNKNOWN");
  CHECK(world.ask("some", Method::get, manifest("other")) == "404 MANIFEST_UNKNOWN");
  CHECK(world.ask("blind", Method::get, by_tag("t1")) == "404 MANIFEST_UNKNOWN");
  CHECK(world.ask("blind", Method::get, manifest("app")) == "404 MANIFEST_UNKNOWN");
  CHECK(world.ask("peeker", Method::get, by_tag("other")) == "403 DENIED");
  CHECK(world.ask("peeker", Method::get, manifest("other")) == "403 DENIED");
  CHECK(world.ask("peeker", Method::get, manifest("absent")) == "403 DENIED");
  CHECK(world.ask("capped", Method::get, by_tag("t1")) == "403 DENIED");
  CHECK(world.ask("some", Method::get, "/v2/else/manifests/other") == "403 DENIED");
  // A push or a delete by tag is never answered as if the thing did not exist.
  CHECK(world.ask("some", Method::put, by_tag("other")) == "403 DENIED");
  CHECK(world.ask("some", Method::erase, by_tag("other")) == "403 DENIED");
}

TEST_CASE("gate: what the policy hides looks like what the registry does not have") {
  const World world;
  const auto ruling = world.rule("stranger", Method::get, blob("base"));
  REQUIRE(ruling.refusal.has_value());
  CHECK(ruling.refusal->message == "blob unknown to registry");
  CHECK_FALSE(ruling.decision.allowed);
  CHECK(ruling.action == acl::Action::pull);
}

TEST_CASE("gate: one denied tag takes what it alone reaches, and nothing of the others") {
  const World world;
  CHECK(world.ask("held", Method::get, by_tag("t1")) == "200");
  CHECK(world.ask("held", Method::get, by_tag("kept")) == "404 MANIFEST_UNKNOWN");
  CHECK(world.ask("held", Method::get, manifest("kept")) == "404 MANIFEST_UNKNOWN");
  CHECK(world.ask("held", Method::get, blob("kept-layer")) == "404 BLOB_UNKNOWN");
  CHECK(world.ask("held", Method::get, blob("base")) == "200");
  CHECK(world.ask("held", Method::put, by_tag("t1")) == "200");
  CHECK(world.ask("held", Method::put, by_tag("kept")) == "403 DENIED");
  CHECK(world.ask("held", Method::post, "/v2/r/blobs/uploads/") == "200");
  // To delete, the right on all of them.
  CHECK(world.ask("held", Method::erase, blob("base")) == "403 DENIED");
  CHECK(world.ask("held", Method::erase, blob("app-layer")) == "200");
  CHECK(world.ask("held", Method::erase, blob("kept-layer")) == "404 BLOB_UNKNOWN");
}

TEST_CASE("gate: a refusal names the rule's reason") {
  const World world;
  const auto ruling = world.rule("held", Method::erase, by_tag("kept"));
  REQUIRE(ruling.refusal.has_value());
  CHECK(ruling.refusal->message == "held may not delete r:kept: kept for the court");
  CHECK(ruling.decision.reason == acl::Reason::denied);
  const auto digest = world.rule("held", Method::erase, blob("base"));
  REQUIRE(digest.refusal.has_value());
  CHECK(digest.refusal->message ==
        "held may not delete r@" + digest_of("base") + ": kept for the court");
}

TEST_CASE("gate: an immutable tag is put once, and then only as what it is") {
  const World world;
  for (const auto* account : {"owner", "root"}) {
    CAPTURE(account);
    for (const auto* tag : {"v1", "v2"}) {
      const auto ruling = world.rule(account, Method::put, by_tag(tag));
      CHECK_FALSE(ruling.refusal.has_value());
      CHECK(ruling.must_be_unchanged);
      CHECK_FALSE(ruling.must_be_own);
    }
    CHECK_FALSE(world.rule(account, Method::put, by_tag("t1")).must_be_unchanged);
    CHECK_FALSE(world.rule(account, Method::put, manifest("release")).must_be_unchanged);
    CHECK(world.ask(account, Method::get, by_tag("v1")) == "200");
  }
}

TEST_CASE("gate: what an immutable tag reaches is deleted by nobody, admins too") {
  World world;
  for (const auto* account : {"owner", "root"}) {
    CAPTURE(account);
    CHECK(world.ask(account, Method::erase, by_tag("v1")) == "403 DENIED");
    CHECK(world.ask(account, Method::erase, by_tag("v2")) == "404 MANIFEST_UNKNOWN");
    CHECK(world.ask(account, Method::erase, manifest("release")) == "403 DENIED");
    CHECK(world.ask(account, Method::erase, blob("release-layer")) == "403 DENIED");
    CHECK(world.ask(account, Method::erase, manifest("app")) == "200");
  }
  // Another tag at the same manifest may go, and the manifest may not.
  world.facts.set_tag("r", index::tag("t3", "release"), kNow);
  CHECK(world.ask("some", Method::erase, by_tag("t3")) == "200");
  CHECK(world.ask("some", Method::erase, manifest("release")) == "403 DENIED");
  // What is below an index counts too.
  world.facts.set_tag("r", index::tag("v3", "multi"), kNow);
  CHECK(world.ask("root", Method::erase, manifest("amd")) == "403 DENIED");
  CHECK(world.ask("root", Method::erase, blob("amd-layer")) == "403 DENIED");
  // Elsewhere it is another thing.
  fill(world.facts, "free");
  CHECK(world.ask("root", Method::erase, "/v2/free/manifests/" + digest_of("release")) == "200");
  CHECK(world.ask("root", Method::erase, "/v2/free/manifests/v1") == "200");
}

TEST_CASE("gate: nothing is pushed to a name with a word of the API in it") {
  World world;
  world.facts.add_manifest("a/manifests", image("app", {}), index::kNow);
  world.facts.set_tag("a/manifests", index::tag("x", "app"), kNow);
  for (const auto* account : {"pusher", "root"}) {
    CAPTURE(account);
    CHECK(world.ask(account, Method::put, "/v2/a/manifests/manifests/x") == "400 NAME_INVALID");
    CHECK(world.ask(account, Method::put, "/v2/a/manifests/manifests/" + digest_of("app")) ==
          "400 NAME_INVALID");
    CHECK(world.ask(account, Method::post, "/v2/a/manifests/blobs/uploads/") == "400 NAME_INVALID");
    CHECK(world.ask(account, Method::put, "/v2/a/manifests/blobs/uploads/u") == "400 NAME_INVALID");
    CHECK(world.ask(account, Method::get, "/v2/a/manifests/manifests/x") == "200");
    CHECK(world.ask(account, Method::put, "/v2/a/b/manifests/x") == "200");
  }
  // The policy speaks first.
  CHECK(world.ask("stranger", Method::put, "/v2/a/manifests/manifests/x") == "403 DENIED");
}

TEST_CASE("gate: a mount's source has to be readable, and its refusal is not one of the upload") {
  World world;
  fill(world.facts, "a/b");
  fill(world.facts, "closed");
  const auto readable = [&](std::string_view account, const std::string& query) {
    const auto ruling = world.rule(account, Method::post, "/v2/r/blobs/uploads/?" + query);
    CHECK_FALSE(ruling.refusal.has_value());
    return ruling.mount_readable;
  };
  const auto mount = [](std::string_view word, const std::string& from) {
    return "mount=" + digest_of(word) + (from.empty() ? "" : "&from=" + from);
  };
  CHECK(readable("pusher", mount("base", "a/b")));
  CHECK(readable("pusher", mount("base", "r")));
  CHECK(readable("pusher", mount("upload", "r")));
  CHECK(readable("some", mount("base", "r")));
  CHECK_FALSE(readable("some", mount("other-layer", "r")));
  CHECK_FALSE(readable("some", mount("upload", "r")));
  CHECK_FALSE(readable("pusher", mount("base", "closed")));
  CHECK_FALSE(readable("pusher", mount("absent", "a/b")));
  CHECK_FALSE(readable("pusher", mount("base", "")));
  CHECK_FALSE(readable("pusher", "from=r"));
  CHECK(readable("root", mount("base", "closed")));
  CHECK_FALSE(world.rule("puller", Method::post, "/v2/r/blobs/uploads/?" + mount("base", "r"))
                  .mount_readable);
}

TEST_CASE("gate: a manifest names what its putter may read or holds, whatever else it claims") {
  World world;
  // As by-child and as blob: the same answer for what is hidden and what is absent.
  CHECK(world.missing("some", {"app", "amd", "arm", "multi"}, {}).empty());
  CHECK(world.missing("some", {}, {"base", "amd-layer", "attest-layer"}).empty());
  CHECK(world.missing("some", {"app", "other"}, {}) == "other");
  CHECK(world.missing("some", {}, {"base", "other-layer"}) == "other-layer");
  CHECK(world.missing("some", {"absent"}, {}) == "absent");
  CHECK(world.missing("some", {}, {"absent"}) == "absent");
  CHECK(world.missing("pusher", {"loose"}, {"upload"}).empty());
  CHECK(world.missing("owner", {"loose"}, {}) == "loose");
  CHECK(world.missing("owner", {}, {"upload"}) == "upload");
  // Neither a blob as a child nor a manifest as a layer.
  CHECK(world.missing("pusher", {"upload"}, {}) == "upload");
  CHECK(world.missing("root", {"upload"}, {}) == "upload");
  CHECK(world.missing("pusher", {"base"}, {}) == "base");
  CHECK(world.missing("pusher", {}, {"app"}) == "app");
  // An admin: what exists as that kind.
  CHECK(world.missing("root", {"loose", "other"}, {"upload", "loose-layer"}).empty());
  CHECK(world.missing("root", {"absent"}, {}) == "absent");
  // The empty manifest names nothing.
  CHECK(world.missing("stranger", {}, {}).empty());
}

TEST_CASE("gate: the words for what is hidden and what is absent differ in the digest only") {
  const World world;
  const acl::Asked policy{kPolicy};
  const auto told = [&](std::string_view word) {
    oci::Manifest manifest;
    manifest.blobs = {{digest_of(word), false}};
    const auto refusal =
        rule_on_contents(manifest, "r", acl::Asked::who("some"), *policy.operator->(), world.facts);
    REQUIRE(refusal.has_value());
    auto text = to_json(*refusal);
    const auto at = text.find(digest_of(word));
    REQUIRE(at != std::string::npos);
    return text.replace(at, digest_of(word).size(), "it");
  };
  CHECK(told("other-layer") == told("absent"));
  CHECK(told("upload") == told("absent"));
}

TEST_CASE("gate: the form of a manifest that is read, and the tag that it was read by") {
  const World world;
  const auto multi = world.rule("puller", Method::get, by_tag("t2"));
  CHECK(multi.stored == oci::MediaType::index);
  CHECK(multi.tag == "t2");
  const auto amd = world.rule("some", Method::get, manifest("amd"));
  CHECK(amd.stored == oci::MediaType::image);
  CHECK(amd.tag == "t2");
  CHECK(amd.action == acl::Action::pull);
  CHECK(world.rule("puller", Method::head, manifest("multi")).stored == oci::MediaType::index);
  const auto layer = world.rule("some", Method::get, blob("amd-layer"));
  CHECK_FALSE(layer.stored.has_value());
  CHECK(layer.tag == "t2");
  const auto loose = world.rule("pusher", Method::get, manifest("loose"));
  CHECK(loose.stored == oci::MediaType::image);
  CHECK(loose.tag.empty());
  CHECK(loose.decision.reason == acl::Reason::possession);
  CHECK_FALSE(world.rule("stranger", Method::get, manifest("multi")).stored.has_value());
  CHECK(world.rule("some", Method::erase, manifest("amd")).tag == "t2");
  CHECK(world.rule("some", Method::put, by_tag("t9")).tag == "t9");
}

TEST_CASE("gate: a tag at what the index does not hold as a manifest has no form that is made up") {
  World world;
  world.facts.set_tag("r", index::tag("odd", "unheard-of"), kNow);
  for (const auto* account : {"owner", "root"}) {
    CHECK_FALSE(world.rule(account, Method::get, by_tag("odd")).stored.has_value());
  }
}

TEST_CASE("gate: unregistered: push is checked again when it is carried out") {
  World world(R"(
version: 1
unregistered: push
users:
  alice: {permissions: [view, pull, push]}
  bob: {permissions: [view, pull, push]}
rules:
  - {who: [bob], images: ["r:t1"], allow: [pull, push]}
)");
  world.facts.set_tag("r", index::tag("hers", "app", "alice"), kNow);
  CHECK(world.rule("alice", Method::put, by_tag("new")).must_be_own);
  CHECK(world.rule("alice", Method::put, by_tag("hers")).must_be_own);
  CHECK_FALSE(world.rule("bob", Method::put, by_tag("t1")).must_be_own);
  CHECK(world.ask("bob", Method::put, by_tag("hers")) == "403 DENIED");
  CHECK(world.ask("alice", Method::put, by_tag("t1")) == "403 DENIED");
  CHECK(world.ask("alice", Method::get, by_tag("hers")) == "200");
  CHECK(world.ask("bob", Method::get, by_tag("hers")) == "404 MANIFEST_UNKNOWN");
  CHECK(world.ask("alice", Method::post, "/v2/r/blobs/uploads/") == "200");
}

}  // namespace layergate::proxy
