#include "proxy/gate.h"

#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "tests/unit/acl/policy_text.h"

namespace layergate::proxy {
namespace {

const std::string kHex(64, 'a');
const std::string kDigest = "sha256:" + kHex;

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
  root: {permissions: [admin]}
  foreign: {permissions: [admin], from: [192.0.2.0/24]}
  left: {permissions: [admin], enabled: false}
  guest: {permissions: [admin], expires: 2026-01-01T00:00:00Z}
rules:
  - {who: [puller, pusher, owner, held, blind, capped], images: [r], allow: [view, pull, push, delete]}
  - {who: [some], images: ["r:t*"], allow: [view, pull, push, delete]}
  - {who: [held], images: ["r:kept"], deny: [pull, push, delete], reason: kept for the court}
  - {who: [pusher, owner], images: [a/manifests, a/b], allow: [view, pull, push, delete]}
immutable: ["r:v*", "locked:*"]
)";

Route route(Method method, const std::string& target) {
  const auto question = target.find('?');
  auto parsed = parse_route(method, target.substr(0, question),
                            question == std::string::npos ? "" : target.substr(question + 1));
  REQUIRE_MESSAGE(parsed.has_value(), target);
  return *parsed;
}

// "200", or status and code of the refusal.
std::string ask(const acl::Asked& policy, std::string_view account, Method method,
                const std::string& target) {
  const auto ruling =
      rule_on(route(method, target), acl::Asked::who(account), *policy.operator->());
  if (!ruling.refusal) {
    CHECK(ruling.decision.allowed);
    return "200";
  }
  return std::to_string(ruling.refusal->status) + " " +
         std::string(to_string(ruling.refusal->code));
}

}  // namespace

TEST_CASE("gate: what each request needs") {
  const acl::Asked policy{kPolicy};
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
  const auto by_digest = "/v2/r/manifests/" + kDigest;
  const auto by_tag = std::string("/v2/r/manifests/t1");
  const auto other_tag = std::string("/v2/r/manifests/other");
  const auto fallback = "/v2/r/manifests/sha256-" + kHex;
  const auto signature = fallback + ".sig";
  const auto blob = "/v2/r/blobs/" + kDigest;
  const Row kRows[] = {
      {get, "/v2/", ok, ok, ok, ok, ok, ok},
      {get, "/v2/_catalog", ok, ok, ok, ok, ok, ok},
      {get, "/v2/r/tags/list", ok, ok, ok, ok, denied, ok},
      {get, by_tag, ok, ok, ok, ok, denied, ok},
      {head, by_tag, ok, ok, ok, ok, denied, ok},
      {get, other_tag, ok, ok, ok, no_manifest, denied, ok},
      // Only an index can say which tags reach a digest: the right on every tag is needed.
      {get, by_digest, ok, ok, ok, no_manifest, denied, ok},
      {get, fallback, ok, ok, ok, no_manifest, denied, ok},
      {head, signature, ok, ok, ok, no_manifest, denied, ok},
      {get, blob, ok, ok, ok, no_blob, no_blob, ok},
      {head, blob, ok, ok, ok, no_blob, no_blob, ok},
      {get, "/v2/r/referrers/" + kDigest, ok, ok, ok, no_manifest, no_manifest, ok},
      // An upload needs push on some tag.
      {post, "/v2/r/blobs/uploads/", denied, ok, ok, ok, denied, ok},
      {patch, "/v2/r/blobs/uploads/u", denied, ok, ok, ok, denied, ok},
      {put, "/v2/r/blobs/uploads/u", denied, ok, ok, ok, denied, ok},
      {get, "/v2/r/blobs/uploads/u", denied, ok, ok, ok, denied, ok},
      {erase, "/v2/r/blobs/uploads/u", denied, ok, ok, ok, denied, ok},
      // A manifest reads what it names.
      {put, by_tag, denied, ok, ok, denied, denied, ok},
      {put, other_tag, denied, ok, ok, denied, denied, ok},
      {put, by_digest, denied, ok, ok, denied, denied, ok},
      {put, fallback, denied, ok, ok, denied, denied, ok},
      // In "r" some tags are immutable, and a digest may be theirs.
      {erase, by_tag, denied, denied, ok, ok, denied, ok},
      {erase, by_digest, denied, denied, denied, denied, denied, denied},
      {erase, signature, denied, denied, denied, denied, denied, denied},
      {erase, blob, denied, denied, denied, denied, denied, denied},
  };
  for (const auto& row : kRows) {
    CAPTURE(to_string(row.method));
    CAPTURE(row.target);
    CHECK(ask(policy, "puller", row.method, row.target) == row.puller);
    CHECK(ask(policy, "pusher", row.method, row.target) == row.pusher);
    CHECK(ask(policy, "owner", row.method, row.target) == row.owner);
    CHECK(ask(policy, "some", row.method, row.target) == row.some);
    CHECK(ask(policy, "stranger", row.method, row.target) == row.stranger);
    CHECK(ask(policy, "root", row.method, row.target) == row.root);
  }
}

TEST_CASE("gate: an account that may not be used is 401 everywhere, a foreign address 403") {
  const acl::Asked policy{kPolicy};
  struct Row {
    Method method;
    std::string target;
  };
  using enum Method;
  const Row kRows[] = {
      {get, "/v2/"},
      {get, "/v2/_catalog"},
      {get, "/v2/r/tags/list"},
      {get, "/v2/r/manifests/x"},
      {get, "/v2/r/manifests/" + kDigest},
      {get, "/v2/r/blobs/" + kDigest},
      {get, "/v2/r/referrers/" + kDigest},
      {post, "/v2/r/blobs/uploads/"},
      {patch, "/v2/r/blobs/uploads/u"},
      {put, "/v2/r/manifests/x"},
      {erase, "/v2/r/manifests/x"},
      {erase, "/v2/r/blobs/" + kDigest},
  };
  for (const auto& row : kRows) {
    CAPTURE(row.target);
    CHECK(ask(policy, "nobody", row.method, row.target) == "401 UNAUTHORIZED");
    CHECK(ask(policy, "left", row.method, row.target) == "401 UNAUTHORIZED");
    CHECK(ask(policy, "guest", row.method, row.target) == "401 UNAUTHORIZED");
    CHECK(ask(policy, "foreign", row.method, row.target) == "403 DENIED");
  }
}

TEST_CASE("gate: 401 does not tell why the account is not usable") {
  const acl::Asked policy{kPolicy};
  const auto message = [&](std::string_view account) {
    const auto ruling = rule_on(route(Method::get, "/v2/r/manifests/x"), acl::Asked::who(account),
                                *policy.operator->());
    return ruling.refusal ? to_json(*ruling.refusal) : std::string();
  };
  CHECK(message("left") == message("nobody"));
  CHECK(message("guest") == message("nobody"));
  CHECK(message("nobody") == to_json(unauthorized()));
}

TEST_CASE("gate: who may push somewhere in the name gets 404 for a manifest, others 403") {
  const acl::Asked policy{kPolicy};
  CHECK(ask(policy, "some", Method::get, "/v2/r/manifests/other") == "404 MANIFEST_UNKNOWN");
  CHECK(ask(policy, "blind", Method::get, "/v2/r/manifests/t1") == "404 MANIFEST_UNKNOWN");
  CHECK(ask(policy, "capped", Method::get, "/v2/r/manifests/t1") == "403 DENIED");
  CHECK(ask(policy, "some", Method::get, "/v2/else/manifests/other") == "403 DENIED");
  // A push or a delete is never answered as if the thing did not exist.
  CHECK(ask(policy, "some", Method::put, "/v2/r/manifests/other") == "403 DENIED");
  CHECK(ask(policy, "some", Method::erase, "/v2/r/manifests/other") == "403 DENIED");
}

TEST_CASE("gate: what the policy hides looks like what the registry does not have") {
  const acl::Asked policy{kPolicy};
  const auto ruling = rule_on(route(Method::get, "/v2/r/blobs/" + kDigest),
                              acl::Asked::who("stranger"), *policy.operator->());
  REQUIRE(ruling.refusal.has_value());
  CHECK(ruling.refusal->message == "blob unknown to registry");
  CHECK_FALSE(ruling.decision.allowed);
  CHECK(ruling.action == acl::Action::pull);
}

TEST_CASE("gate: one denied tag takes every digest away") {
  const acl::Asked policy{kPolicy};
  CHECK(ask(policy, "held", Method::get, "/v2/r/manifests/free") == "200");
  CHECK(ask(policy, "held", Method::get, "/v2/r/manifests/kept") == "404 MANIFEST_UNKNOWN");
  CHECK(ask(policy, "held", Method::get, "/v2/r/manifests/" + kDigest) == "404 MANIFEST_UNKNOWN");
  CHECK(ask(policy, "held", Method::get, "/v2/r/blobs/" + kDigest) == "404 BLOB_UNKNOWN");
  CHECK(ask(policy, "held", Method::put, "/v2/r/manifests/free") == "403 DENIED");
  CHECK(ask(policy, "held", Method::erase, "/v2/r/blobs/" + kDigest) == "403 DENIED");
  CHECK(ask(policy, "held", Method::post, "/v2/r/blobs/uploads/") == "200");
}

TEST_CASE("gate: a refusal names the rule's reason") {
  const acl::Asked policy{kPolicy};
  const auto ruling = rule_on(route(Method::erase, "/v2/r/manifests/kept"), acl::Asked::who("held"),
                              *policy.operator->());
  REQUIRE(ruling.refusal.has_value());
  CHECK(ruling.refusal->message == "held may not delete r:kept: kept for the court");
  CHECK(ruling.decision.reason == acl::Reason::denied);
  const auto digest = rule_on(route(Method::erase, "/v2/r/blobs/" + kDigest),
                              acl::Asked::who("some"), *policy.operator->());
  REQUIRE(digest.refusal.has_value());
  CHECK(digest.refusal->message ==
        "some may not delete r@" + kDigest + ": this needs the right on every tag of r");
}

TEST_CASE("gate: immutable tags are refused to everybody, admins too") {
  const acl::Asked policy{kPolicy};
  for (const auto* account : {"owner", "root"}) {
    CAPTURE(account);
    CHECK(ask(policy, account, Method::put, "/v2/r/manifests/v1") == "403 DENIED");
    CHECK(ask(policy, account, Method::erase, "/v2/r/manifests/v1") == "403 DENIED");
    CHECK(ask(policy, account, Method::get, "/v2/r/manifests/v1") == "200");
    CHECK(ask(policy, account, Method::put, "/v2/r/manifests/x1") == "200");
    CHECK(ask(policy, account, Method::erase, "/v2/r/manifests/x1") == "200");
    CHECK(ask(policy, account, Method::put, "/v2/r/manifests/" + kDigest) == "200");
  }
  CHECK(ask(policy, "root", Method::erase, "/v2/locked/blobs/" + kDigest) == "403 DENIED");
  CHECK(ask(policy, "root", Method::erase, "/v2/free/blobs/" + kDigest) == "200");
  CHECK(ask(policy, "root", Method::erase, "/v2/free/manifests/" + kDigest) == "200");
}

TEST_CASE("gate: nothing is pushed to a name with a word of the API in it") {
  const acl::Asked policy{kPolicy};
  for (const auto* account : {"pusher", "root"}) {
    CAPTURE(account);
    CHECK(ask(policy, account, Method::put, "/v2/a/manifests/manifests/x") == "400 NAME_INVALID");
    CHECK(ask(policy, account, Method::post, "/v2/a/manifests/blobs/uploads/") ==
          "400 NAME_INVALID");
    CHECK(ask(policy, account, Method::put, "/v2/a/manifests/blobs/uploads/u") ==
          "400 NAME_INVALID");
    CHECK(ask(policy, account, Method::get, "/v2/a/manifests/manifests/x") == "200");
    CHECK(ask(policy, account, Method::put, "/v2/a/b/manifests/x") == "200");
  }
  // The policy speaks first.
  CHECK(ask(policy, "stranger", Method::put, "/v2/a/manifests/manifests/x") == "403 DENIED");
}

TEST_CASE("gate: a mount's source has to be readable, and its refusal is not one of the upload") {
  const acl::Asked policy{kPolicy};
  const auto readable = [&](std::string_view account, const std::string& query) {
    const auto ruling = rule_on(route(Method::post, "/v2/r/blobs/uploads/?" + query),
                                acl::Asked::who(account), *policy.operator->());
    CHECK_FALSE(ruling.refusal.has_value());
    return ruling.mount_readable;
  };
  const auto mount = "mount=" + kDigest;
  CHECK(readable("pusher", mount + "&from=a/b"));
  CHECK(readable("pusher", mount + "&from=r"));
  CHECK_FALSE(readable("pusher", mount + "&from=other"));
  CHECK_FALSE(readable("some", mount + "&from=r"));
  CHECK_FALSE(readable("pusher", mount));
  CHECK_FALSE(readable("pusher", "from=r"));
  CHECK(readable("root", mount + "&from=other"));
}

}  // namespace layergate::proxy
