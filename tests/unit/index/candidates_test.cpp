#include "index/candidates.h"

#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "index/rights.h"
#include "tests/unit/index/facts.h"

namespace layergate::index {
namespace {

using acl::Action;

// The tags that are looked at, in their order, from behind `after` on.
std::string candidates(const acl::Asked& policy, std::string_view account, const Index& index,
                       std::string_view after = "") {
  const auto& in = *index.find_repository("r");
  const Candidates those(*policy.operator->(), account, Action::pull, in);
  std::string text;
  for (auto at = those.after(after); at != in.tags.end(); at = those.after(at->first)) {
    text += (text.empty() ? "" : " ") + at->first;
  }
  return text;
}

void add_tags(Index& index, Words tags) {
  index.add_manifest("r", image("app", {}), kNow);
  for (const auto name : tags) index.set_tag("r", tag(name, "app"), kNow);
}

}  // namespace

TEST_CASE("candidates: the tags that the rules name, by name or by beginning") {
  const acl::Asked policy{R"(
version: 1
users:
  some: {permissions: [pull]}
  all: {permissions: [pull]}
  none: {permissions: [pull]}
  root: {permissions: [admin]}
rules:
  - {who: [some], images: ["r:b", "r:v*", "r:v1*", "r:x?z", "s:a"], allow: [pull]}
  - {who: [all], images: [r], allow: [pull]}
)"};
  Index index{Index::Options{}};
  add_tags(index, {"a", "b", "bb", "v", "v1", "v2", "w", "x", "xyz", "z"});
  CHECK(candidates(policy, "some", index) == "b v v1 v2 x xyz");
  CHECK(candidates(policy, "some", index, "b") == "v v1 v2 x xyz");
  CHECK(candidates(policy, "some", index, "v1") == "v2 x xyz");
  CHECK(candidates(policy, "some", index, "xyz").empty());
  CHECK(candidates(policy, "all", index) == "a b bb v v1 v2 w x xyz z");
  CHECK(candidates(policy, "root", index) == "a b bb v v1 v2 w x xyz z");
  CHECK(candidates(policy, "none", index).empty());
  // What speaks of other manifests is decided by those.
  const auto name = fallback_tag("app");
  add_tags(index, {name});
  CHECK(candidates(policy, "none", index) == name);
  CHECK(candidates(policy, "some", index) == "b " + name + " v v1 v2 x xyz");
}

TEST_CASE("candidates: with unregistered: push any tag may be somebody's own") {
  const acl::Asked policy{
      "version: 1\nunregistered: push\nusers: {u: {permissions: [pull]}}\n"
      "rules: [{who: [u], images: [\"r:a\"], allow: [pull]}]\n"};
  Index index{Index::Options{}};
  add_tags(index, {"a", "b"});
  CHECK(candidates(policy, "u", index) == "a b");
}

TEST_CASE("candidates: each tag that is allowed is among them, whatever the rules") {
  std::mt19937 random(1);
  const auto pick = [&](const std::vector<std::string>& words) {
    return words[random() % words.size()];
  };
  const std::vector<std::string> kGlobs = {"a",  "b*",  "b?",  "*b", "c",        "bc",       "d*",
                                           "d?", "d**", "b*c", "e",  "sha256-*", "sha256-a*"};
  Index index{Index::Options{}};
  add_tags(index, {"a", "b", "bb", "bbc", "bc", "c", "d", "dd", "e", fallback_tag("app"),
                   fallback_tag("absent")});
  for (int round = 0; round < 300; ++round) {
    std::string text = "version: 1\nusers: {u: {permissions: [pull]}}\nrules:\n";
    for (auto count = random() % 4 + 1; count > 0; --count) {
      text += "  - {who: [u], images: [\"" + pick({"r", "*", "s"}) + ":" + pick(kGlobs) + "\"], " +
              pick({"allow", "allow", "allow", "deny"}) + ": [pull]}\n";
    }
    CAPTURE(text);
    const acl::Asked policy{text};
    const auto found = " " + candidates(policy, "u", index) + " ";
    const auto who = acl::Asked::who("u");
    const Rights rights(index, *policy.operator->(), who);
    for (const auto& [name, its] : index.find_repository("r")->tags) {
      const auto& this_tag = name;
      CAPTURE(this_tag);
      if (!rights.on_tag(Action::pull, "r", name).allowed) continue;
      CHECK(found.find(" " + name + " ") != std::string::npos);
    }
  }
}

}  // namespace layergate::index
