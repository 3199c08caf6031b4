// Each kind of mistake in a policy file, with the very text that it is answered with.
#include <algorithm>
#include <iterator>
#include <string>

#include <doctest/doctest.h>

#include "tests/unit/acl/policy_text.h"

namespace layergate::acl {
namespace {

struct Row {
  const char* text;
  const char* errors;  // all of them, a line each
};

// Rows begin with "version: 1" in line 1 unless they are about it.
void check_rows(const std::initializer_list<Row>& rows) {
  for (const Row& row : rows) {
    CAPTURE(std::string{row.text});
    const auto result = parse_text(row.text);
    CHECK(as_lines(result.errors) == std::string{row.errors});
    CHECK((result.policy == nullptr) == !result.errors.empty());
  }
}

}  // namespace

TEST_CASE("acl: mistakes in the file as a whole are refused with their place") {
  check_rows({
      {"", "acl.yml:1:1: the version is missing: write \"version: 1\""},
      {"users: {}\n", "acl.yml:1:1: the version is missing: write \"version: 1\""},
      {"version: 2\n", "acl.yml:1:10: version must be a whole number from 1 to 1, and is \"2\""},
      {"version:\n", "acl.yml:1:1: version must be a whole number from 1 to 1, and is nothing"},
      {"[1]\n", "acl.yml:1:1: the file must be a map (key: value), and is a list"},
      {"version: 1\nrule: []\n",
       "acl.yml:2:1: unknown key \"rule\" in the file; did you mean \"rules\"?"},
      {"version: 1\ndefault_policy: allow\n",
       "acl.yml:2:1: unknown key \"default_policy\" in the file; known are version, groups, users, "
       "rules, immutable, unregistered, tests"},
      {"version: 1\nrules: []\nusers: {}\nrules: []\n",
       "acl.yml:4:1: the key \"rules\" stands here for the second time; the first is in line 2"},
      {"version: 1\nunregistered: psuh\n",
       "acl.yml:2:15: unregistered must be deny or push, and is \"psuh\"; did you mean \"push\"?"},
      {"version: 1\nunregistered:\n", "acl.yml:2:1: unregistered must be text, and is nothing"},
      {"version: 1\nimmutable: release\n",
       "acl.yml:2:12: immutable must be a list: write [\"release\"], and is \"release\""},
      {"version: 1\nimmutable: [\"a b\"]\n",
       "acl.yml:2:13: the pattern \"a b\" matches nothing: no name of a repository can hold a "
       "space "
       "(wildcards are \"*\", \"**\" and \"?\")"},
  });
}

TEST_CASE("acl: mistakes in users and groups are refused with their place") {
  check_rows({
      {"version: 1\nusers: [alice]\n",
       "acl.yml:2:8: users must be a map (name: value), and is a list"},
      {"version: 1\nusers:\n  alice:\n",
       "acl.yml:3:3: user \"alice\" must be a map (key: value), and is nothing"},
      {"version: 1\nusers:\n  alice: {permisions: [view]}\n",
       "acl.yml:3:11: unknown key \"permisions\" in user \"alice\"; did you mean \"permissions\"?"},
      {"version: 1\nusers:\n  alice: {permissions: [view, pul]}\n",
       "acl.yml:3:31: unknown permission \"pul\"; known are view, pull, push, delete, admin; did "
       "you "
       "mean \"pull\"?"},
      {"version: 1\nusers:\n  alice: {permissions: view}\n",
       "acl.yml:3:24: permissions must be a list: write [\"view\"], and is \"view\""},
      {"version: 1\nusers:\n  alice: {enabled: no}\n",
       "acl.yml:3:20: enabled must be true or false, and is \"no\""},
      {"version: 1\nusers:\n  alice: {enabled: \"true\"}\n",
       "acl.yml:3:20: enabled must be true or false, and is \"true\""},
      {"version: 1\nusers:\n  alice: {enabled: }\n",
       "acl.yml:3:11: enabled must be true or false, and is nothing"},
      {"version: 1\nusers:\n  alice: {expires: 2027-02-30}\n",
       "acl.yml:3:20: expires must be a date or a time with its zone, like 2027-01-31 or "
       "2027-01-31T18:00:00Z, and is \"2027-02-30\""},
      {"version: 1\nusers:\n  alice: {expires: }\n",
       "acl.yml:3:11: expires must be a date or a time with its zone, like 2027-01-31 or "
       "2027-01-31T18:00:00Z, and is nothing"},
      {"version: 1\nusers:\n  alice: {from: [10.0.0.1/8]}\n",
       "acl.yml:3:18: each item of from must be an address or a network without host bits, like "
       "10.0.0.0/8 or 2001:db8::/32, and is \"10.0.0.1/8\""},
      {"version: 1\nusers:\n  alice: {from: []}\n",
       "acl.yml:3:17: from is empty: name a network, or leave it out for any address"},
      {"version: 1\nusers:\n  \"a:b\": {}\n",
       "acl.yml:3:3: the user's name \"a:b\" holds a \":\", which neither htpasswd nor Basic "
       "credentials can"},
      {"version: 1\nusers:\n  \"\": {}\n", "acl.yml:3:3: the user's name \"\" is empty"},
      {"version: 1\nusers:\n  \"a \": {}\n",
       "acl.yml:3:3: the user's name \"a \" has a space at an end"},
      {"version: 1\nusers:\n  \"*\": {}\n",
       "acl.yml:3:3: the user's name \"*\" means every account where rules name users"},
      {"version: 1\nusers:\n  \"@a\": {}\n",
       "acl.yml:3:3: the user's name \"@a\" begins with \"@\", which means a group where rules "
       "name "
       "users"},
      {"version: 1\nusers:\n  \"a\\tb\": {}\n",
       "acl.yml:3:3: the user's name \"a\\x09b\" holds a control character"},
      {"version: 1\nusers:\n  alice: {email: \"a\\nb\"}\n",
       "acl.yml:3:18: email holds a line end or another control character"},
      {"version: 1\ngroups:\n  g: alice\n",
       "acl.yml:3:6: group \"g\" must be a list: write [\"alice\"], and is \"alice\""},
      {"version: 1\ngroups:\n  g: [alcie]\nusers: {alice: {}}\n",
       "acl.yml:3:7: group \"g\" holds the unknown user \"alcie\"; did you mean \"alice\"?"},
      {"version: 1\ngroups:\n  g: []\n  h: [\"@g\", \"*\"]\n",
       "acl.yml:4:7: group \"h\" may hold only users: groups are not nested; name both groups "
       "where "
       "a rule names this one\n"
       "acl.yml:4:13: group \"h\" may hold only users: groups are not nested; name both groups "
       "where a rule names this one"},
      {"version: 1\nusers:\n  alice: {}\n  bob: {}\n  alice: {}\n",
       "acl.yml:5:3: the key \"alice\" stands here for the second time; the first is in line 3"},
  });
}

TEST_CASE("acl: mistakes in rules are refused with their place") {
  check_rows({
      {"version: 1\nrules: {who: []}\n", "acl.yml:2:8: rules must be a list, and is a map"},
      {"version: 1\nrules:\n  - telechat\n",
       "acl.yml:3:5: a rule must be a map (key: value), and is \"telechat\""},
      {"version: 1\nrules:\n  - {images: [m], allow: [pull]}\n",
       "acl.yml:3:5: the rule has no who: write who: [\"*\"] for every account"},
      {"version: 1\nrules:\n  - {who: [], allow: [pull]}\n", "acl.yml:3:5: the rule has no images"},
      {"version: 1\nrules:\n  - {who: [], images: [], allow: [pull]}\n",
       "acl.yml:3:23: images is empty: the rule is about nothing"},
      {"version: 1\nrules:\n  - {who: [], images: [m]}\n",
       "acl.yml:3:5: the rule has neither allow nor deny"},
      {"version: 1\nrules:\n  - {who: [], images: [m], allow: [pull], deny: [push]}\n",
       "acl.yml:3:5: the rule has both allow and deny: make two rules of it"},
      {"version: 1\nrules:\n  - {who: [], images: [m], allow: []}\n",
       "acl.yml:3:35: allow is empty: name the actions (view, pull, push, delete)"},
      {"version: 1\nrules:\n  - who: []\n    images: [m]\n    deny:\n",
       "acl.yml:5:5: deny must be a list, and is nothing"},
      {"version: 1\nrules:\n  - {who: [], images: [m], allow: [write]}\n",
       "acl.yml:3:36: unknown action \"write\"; known are view, pull, push, delete"},
      {"version: 1\nrules:\n  - {who: [], images: [m], deny: [delet]}\n",
       "acl.yml:3:35: unknown action \"delet\"; known are view, pull, push, delete; did you mean "
       "\"delete\"?"},
      {"version: 1\nrules:\n  - {who: [], images: [m], allow: [admin]}\n",
       "acl.yml:3:36: admin is a permission of users and no action of rules; actions are view, "
       "pull, "
       "push, delete"},
      {"version: 1\nrules:\n  - {who: alice, images: [m], allow: [pull]}\n",
       "acl.yml:3:11: who must be a list: write [\"alice\"], and is \"alice\""},
      {"version: 1\nusers: {alice: {permissions: [pull]}}\nrules:\n"
       "  - {who: [alise], images: [m], allow: [pull]}\n",
       "acl.yml:4:12: unknown user \"alise\"; did you mean \"alice\"?"},
      {"version: 1\ngroups: {research: []}\nrules:\n"
       "  - {who: [\"@reserch\"], images: [m], allow: [pull]}\n",
       "acl.yml:4:12: unknown group \"@reserch\"; did you mean \"@research\"?"},
      {"version: 1\ngroups: {research: []}\nrules:\n"
       "  - {who: [research], images: [m], allow: [pull]}\n",
       "acl.yml:4:12: unknown user \"research\"; there is a group of that name; did you mean "
       "\"@research\"?"},
      {"version: 1\nrules:\n  - {who: [*], images: [m], allow: [pull]}\n",
       "acl.yml:3:12: in YAML a plain * begins an alias, and aliases are not used here: write it "
       "in "
       "quotes, \"*\""},
      {"version: 1\nrules:\n  - {who: [@g], images: [m], allow: [pull]}\n",
       "acl.yml:3:12: a plain value cannot begin with @: write it in quotes"},
      {"version: 1\nrules:\n  - {who: [], images: [\"Model:7b\"], allow: [pull]}\n",
       "acl.yml:3:24: the pattern \"Model:7b\" matches nothing: names of repositories have no "
       "upper "
       "case: write it small"},
      {"version: 1\nrules:\n  - {who: [], images: [m: x], allow: [pull]}\n",
       "acl.yml:3:24: each item of images must be text, and is a map"},
      {"version: 1\nrules:\n  - {name: \"a\\nb\", who: [], images: [m], allow: [pull]}\n",
       "acl.yml:3:12: name holds a line end or another control character"},
      {"version: 1\nrules:\n  - {who: [], images: [m], allow: [pull], expire: 2027-01-01}\n",
       "acl.yml:3:43: unknown key \"expire\" in a rule; did you mean \"expires\"?"},
      {"version: 1\nrules:\n  - {who: [], images: [m], allow: [pull], expires: tomorrow}\n",
       "acl.yml:3:52: expires must be a date or a time with its zone, like 2027-01-31 or "
       "2027-01-31T18:00:00Z, and is \"tomorrow\""},
      {"version: 1\nrules:\n  - {who: [], images: [m], allow: [pull], from: [office]}\n",
       "acl.yml:3:50: each item of from must be an address or a network without host bits, like "
       "10.0.0.0/8 or 2001:db8::/32, and is \"office\""},
  });
}

TEST_CASE("acl: mistakes in tests are refused with their place") {
  check_rows({
      {"version: 1\ntests:\n  - {user: a, action: pull, image: \"m:x\"}\n",
       "acl.yml:3:5: the test has no expect"},
      {"version: 1\ntests:\n  - {user: a, action: pul, image: \"m:x\", expect: deny}\n",
       "acl.yml:3:23: unknown action \"pul\"; known are view, pull, push, delete; did you mean "
       "\"pull\"?"},
      {"version: 1\ntests:\n  - {user: a, action: pull, image: \"m:*\", expect: deny}\n",
       "acl.yml:3:36: a test asks about one image: write name:tag"},
      {"version: 1\ntests:\n  - {user: a, action: pull, image: m, expect: deny}\n",
       "acl.yml:3:36: a test asks about one image: write name:tag"},
      {"version: 1\ntests:\n  - {user: a, action: pull, image: \"m:x\", expect: refuse}\n",
       "acl.yml:3:51: expect must be allow or deny, and is \"refuse\""},
      {"version: 1\ntests:\n  - {user: a, action: pull, image: \"m:x\", expect: deny, from: "
       "10/8}\n",
       "acl.yml:3:63: from must be an address like 10.1.2.3 or 2001:db8::1, and is \"10/8\""},
      {"version: 1\ntests:\n  - {user: a, action: pull, image: \"m:x\", expect: deny, at: noon}\n",
       "acl.yml:3:61: at must be a date or a time with its zone, like 2027-01-31 or "
       "2027-01-31T18:00:00Z, and is \"noon\""},
  });
}

TEST_CASE("acl: all mistakes of a file are reported at once, in its order") {
  const auto result = parse_text(R"(version: 1
users:
  alice: {permissions: [veiw]}
rules:
  - {who: [bob], images: [M], allow: [pull]}
  - {who: [alice], images: [m], alow: [pull]}
groups:
  g: [carol]
)");
  std::string places;
  for (const auto& error : result.errors) {
    places += std::to_string(error.line) + ":" + std::to_string(error.column) + " ";
  }
  CHECK(places == "3:25 5:12 5:27 6:5 6:33 8:7 ");
}

TEST_CASE("acl: a file with very many mistakes is not answered with all of them") {
  std::string text = "version: 1\nrules:\n";
  for (int i = 0; i < 5000; ++i) text += "  - {who: [nobody], images: [m], allow: [pull]}\n";
  const auto result = parse_text(text);
  REQUIRE(result.errors.size() == 1001);
  CHECK(result.errors[999].line == 1002);
  CHECK(result.errors.back().to_string() == "acl.yml: and 4000 more of such problems");
}

TEST_CASE("acl: a file that was cut off is refused wherever YAML can tell") {
  const std::string text =
      "version: 1\n"
      "users:\n"
      "  alice: {permissions: [view, pull], from: [10.0.0.0/8]}\n"
      "rules:\n"
      "  - who: [\"*\"]\n"
      "    images: [\"telechat:*\"]\n"
      "    deny: [push, delete]\n"
      "    expires: 2027-01-31\n";
  REQUIRE(parse_text(text).policy != nullptr);
  // What can be the end of a whole file: the end of a value, or of a key whose section may be
  // empty.
  const std::string_view ends[] = {
      "version: 1", "users:", "10.0.0.0/8]}", "rules:", "delete]", "2027-01-31",
  };
  for (std::size_t length = 0; length < text.size(); ++length) {
    std::string cut = text.substr(0, length);
    CAPTURE(cut);
    const bool loads = parse_text(cut).policy != nullptr;
    while (cut.ends_with(" ") || cut.ends_with("\n")) cut.pop_back();
    const bool may_load = std::any_of(std::begin(ends), std::end(ends), [&](std::string_view end) {
      return std::string_view{cut}.ends_with(end);
    });
    CHECK(loads == may_load);
  }
}

}  // namespace layergate::acl
