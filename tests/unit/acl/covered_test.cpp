// `unregistered: push`: which images are covered by an allow rule, now or once.
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "tests/unit/acl/policy_text.h"

namespace layergate::acl {
namespace {

const std::string kHead =
    "version: 1\nunregistered: push\nusers:\n"
    "  alice: {permissions: [view, pull, push]}\n"
    "  left: {permissions: [view], enabled: false}\n";

LoadResult load_with(const std::string& rules, const std::vector<std::string>& once = {}) {
  auto result = parse({{"acl.yml", kHead + rules}}, kTestNow, once);
  REQUIRE_MESSAGE(result.policy != nullptr, as_lines(result.errors));
  return result;
}

}  // namespace

TEST_CASE("acl: an allow rule covers its images, whomever it names and whatever it allows") {
  const auto result = load_with(R"(
rules:
  - {who: [alice], images: ["one:x", "many:v*"], allow: [view]}
  - {who: [left], images: [all, "stars:*", "deep/**:**"], allow: [pull]}
  - {who: [], images: [nobody], allow: [push]}
  - {who: ["*"], images: [ended], allow: [push], expires: 2026-01-01T00:00:00Z}
  - {who: ["*"], images: [elsewhere], allow: [push], from: [192.0.2.0/24]}
  - {who: ["*"], images: [closed], deny: [push]}
)");
  const auto& policy = *result.policy;
  struct Row {
    std::string repository;
    std::string tag;
    bool covered;
    bool every;
  };
  const Row kRows[] = {
      {"one", "x", true, false},    {"one", "y", false, false},      {"many", "v1", true, false},
      {"many", "w", false, false},  {"all", "x", true, true},        {"stars", "x", true, true},
      {"deep/er", "x", true, true}, {"deep", "x", false, false},     {"nobody", "x", true, true},
      {"ended", "x", true, true},   {"elsewhere", "x", true, true},  {"closed", "x", false, false},
      {"other", "x", false, false}, {"one/more", "x", false, false},
  };
  for (const auto& row : kRows) {
    CAPTURE(row.repository);
    CAPTURE(row.tag);
    CHECK(policy.covers(row.repository, row.tag) == row.covered);
    CHECK(policy.covers_every_tag(row.repository) == row.every);
  }
}

TEST_CASE("acl: several patterns that cover each some tags do not cover every tag") {
  const auto result =
      load_with("rules: [{who: [alice], images: [\"m:a*\", \"m:?*\"], allow: [pull]}]\n");
  CHECK(result.policy->covers("m", "a1"));
  CHECK(result.policy->covers("m", "b"));
  CHECK_FALSE(result.policy->covers_every_tag("m"));
}

TEST_CASE("acl: what is covered is told, sorted and each once, for the policies to come") {
  const auto result = load_with(R"(
rules:
  - {who: [alice], images: ["z:*", "a:x", z], allow: [view]}
  - {who: [left], images: ["a:x", "b/**"], allow: [push]}
  - {who: [left], images: [denied], deny: [push]}
)");
  CHECK(result.covered == std::vector<std::string>{"a:x", "b/**:*", "z:*"});
}

TEST_CASE("acl: what was once covered stays so when its rule goes") {
  const auto before =
      load_with("rules: [{who: [alice], images: [\"m:x\", \"n:*\", \"p:v*\"], allow: [pull]}]\n");
  const auto after = load_with("rules: []\n", before.covered);
  const auto& policy = *after.policy;
  CHECK(policy.covers("m", "x"));
  CHECK_FALSE(policy.covers("m", "y"));
  CHECK(policy.covers("n", "x"));
  CHECK(policy.covers_every_tag("n"));
  CHECK(policy.covers("p", "v1"));
  CHECK_FALSE(policy.covers_every_tag("p"));
  // It allows nothing, and denies nothing.
  CHECK(policy.decide(Asked::who("alice"), Action::pull, "m", "x").reason == Reason::no_rule);
  CHECK(policy.rule_count() == 0);
  // Its own patterns only: who keeps the list adds to it.
  CHECK(after.covered.empty());
}

TEST_CASE("acl: an old pattern that is none any more hurts nobody") {
  const auto result = load_with("rules: []\n", {"A B", "", "m:x"});
  CHECK(result.policy->covers("m", "x"));
  CHECK(result.warnings.empty());
}

TEST_CASE("acl: with unregistered: deny there is nothing to tell and nothing to cover") {
  const auto result = parse({{"acl.yml",
                              "version: 1\nusers: {a: {permissions: [push]}}\n"
                              "rules: [{who: [a], images: [m], allow: [push]}]\n"}},
                            kTestNow, {"n:*"});
  REQUIRE(result.policy != nullptr);
  CHECK_FALSE(result.policy->may_push_unregistered());
  CHECK(result.covered.empty());
  CHECK(Asked(kHead)->may_push_unregistered());
}

TEST_CASE("acl: whether a name may have immutable tags") {
  const Asked policy{
      "version: 1\nusers: {a: {}}\nimmutable: [\"r:v*\", \"release/**\", \"x/*:1\"]\n"};
  for (const auto* name : {"r", "release/a", "release/a/b", "x/y"}) {
    CAPTURE(name);
    CHECK(policy->has_immutable(name));
  }
  for (const auto* name : {"s", "release", "x", "x/y/z", "r/v1"}) {
    CAPTURE(name);
    CHECK_FALSE(policy->has_immutable(name));
  }
}

TEST_CASE("acl: the reasons that the index gives are told in words") {
  const auto words = [](bool allowed, Reason reason) {
    return Decision{allowed, reason, nullptr}.to_string();
  };
  CHECK(words(true, Reason::unregistered) ==
        "allowed by unregistered: push, for no rule covers the image");
  CHECK(words(true, Reason::possession) == "allowed: the account brought it there");
  CHECK(words(false, Reason::no_tag) ==
        "refused: no tag on which the account has the right reaches it");
  CHECK(to_string(Reason::unregistered) == "unregistered");
  CHECK(to_string(Reason::possession) == "possession");
  CHECK(to_string(Reason::no_tag) == "no_tag");
}

}  // namespace layergate::acl
