// Policy::allowed_ranges(): for whoever looks for the few tags that an account may have, among very
// many.
#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "tests/unit/acl/policy_text.h"

namespace layergate::acl {
namespace {

// "v1 7b-*", or "any".
std::string ranges(const Asked& policy, std::string_view account, Action action,
                   std::string_view repository, std::size_t most = 100) {
  const auto found = policy->allowed_ranges(account, action, repository, most);
  if (!found) return "any";
  std::string text;
  for (const auto& range : *found) {
    text += (text.empty() ? "" : " ") + std::string(range.text) + (range.exact ? "" : "*");
  }
  return text;
}

bool is_in(const Policy::TagRange& range, std::string_view tag) {
  return range.exact ? tag == range.text : tag.starts_with(range.text);
}

}  // namespace

TEST_CASE("acl: the tags that an account may be allowed, as single ones and beginnings") {
  const Asked policy{R"(
version: 1
groups: {g: [grouped]}
users:
  one: {permissions: [pull]}
  grouped: {permissions: [pull]}
  all: {permissions: [pull]}
  loose: {permissions: [pull]}
  none: {permissions: [pull]}
  denied: {permissions: [pull]}
  root: {permissions: [admin]}
rules:
  - {who: [one], images: ["m:v1", "m:7b-*", "m:a?c", "**:x", "other:y"], allow: [pull]}
  - {who: [one], images: ["m:pushed"], allow: [push]}
  - {who: ["@g"], images: ["m:group"], allow: [pull]}
  - {who: [all], images: [m], allow: [pull]}
  - {who: [loose], images: ["m:*-fp16"], allow: [pull]}
  - {who: ["*"], images: ["m:everyone"], allow: [pull]}
  - {who: [denied], images: ["m:everyone", "m:v1"], deny: [pull]}
)"};
  CHECK(ranges(policy, "one", Action::pull, "m") == "7b-* a* everyone v1 x");
  CHECK(ranges(policy, "one", Action::push, "m") == "pushed");
  CHECK(ranges(policy, "one", Action::pull, "other") == "x y");
  CHECK(ranges(policy, "one", Action::erase, "m").empty());
  CHECK(ranges(policy, "grouped", Action::pull, "m") == "everyone group");
  CHECK(ranges(policy, "all", Action::pull, "m") == "any");
  CHECK(ranges(policy, "all", Action::pull, "n").empty());
  CHECK(ranges(policy, "loose", Action::pull, "m") == "any");
  CHECK(ranges(policy, "none", Action::pull, "m") == "everyone");
  // Denies are not looked at: the tags are asked about one by one.
  CHECK(ranges(policy, "denied", Action::pull, "m") == "everyone");
  CHECK(ranges(policy, "root", Action::pull, "m") == "any");
  CHECK(ranges(policy, "nobody", Action::pull, "m").empty());
  // More than are wanted are any.
  CHECK(ranges(policy, "one", Action::pull, "m", 5) == "7b-* a* everyone v1 x");
  CHECK(ranges(policy, "one", Action::pull, "m", 4) == "any");
}

TEST_CASE("acl: each tag that is allowed is in one of the ranges, whatever the rules") {
  std::mt19937 random(1);
  const auto pick = [&](const std::vector<std::string>& words) {
    return words[random() % words.size()];
  };
  const std::vector<std::string> kNames = {"a", "a/b", "a/*", "**", "*", "a?b", "b"};
  const std::vector<std::string> kGlobs = {"v1",   "v*", "*",  "v?", "?1",   "*1",
                                           "7b-*", "",   "**", "7b", "7b-?", "v1*"};
  for (int round = 0; round < 300; ++round) {
    std::string text = "version: 1\nusers: {u: {permissions: [pull]}}\nrules:\n";
    for (auto count = random() % 4 + 1; count > 0; --count) {
      const auto glob = pick(kGlobs);
      text += "  - {who: " + pick({"[u]", "[\"*\"]"}) + ", images: [\"" + pick(kNames) +
              (glob.empty() ? "" : ":" + glob) + "\"], " + pick({"allow", "allow", "deny"}) +
              ": [pull]}\n";
    }
    CAPTURE(text);
    const Asked policy{text};
    for (const std::string name : {"a", "a/b", "b", "acb"}) {
      const auto found = policy->allowed_ranges("u", Action::pull, name, 100);
      for (const std::string tag : {"v1", "v2", "v12", "7b", "7b-", "7b-x", "1", "x"}) {
        if (!policy("u", Action::pull, name, tag).allowed || !found) continue;
        CAPTURE(name);
        CAPTURE(tag);
        CHECK(std::any_of(found->begin(), found->end(),
                          [&](const auto& range) { return is_in(range, tag); }));
      }
      // In order.
      if (found) {
        CHECK(std::is_sorted(found->begin(), found->end(),
                             [](const auto& x, const auto& y) { return x.text < y.text; }));
      }
    }
  }
}

}  // namespace layergate::acl
