#include "acl/policy.h"

#include <doctest/doctest.h>

#include "tests/unit/acl/policy_text.h"

namespace layergate::acl {
namespace {

// What the design's own example says.
const char* const kExample = R"(
version: 1
groups:
  research: [alice, bob]
users:
  alice: {permissions: [view, pull], email: alice@example.com}
  bob: {permissions: [view, pull, push, delete]}
  ci: {permissions: [view, pull, push]}
  root: {permissions: [admin]}
rules:
  - name: research pulls the small models
    who: ["@research", ci]
    images: ["telechat:7b-*"]
    allow: [view, pull, push]
  - name: nobody replaces a release
    who: ["*"]
    images: ["telechat:*-fp16"]
    deny: [push, delete]
    reason: fp16 images are releases
)";

}  // namespace

TEST_CASE("acl: an empty policy denies") {
  const Asked ask{"version: 1\n"};
  for (const Action action : kActions) {
    CHECK_FALSE(ask("alice", action, "telechat", "7b").allowed);
    CHECK(ask("alice", action, "telechat", "7b").reason == Reason::unknown_account);
    CHECK_FALSE(ask.some_tag("alice", action, "telechat").allowed);
    CHECK_FALSE(ask.every_tag("alice", action, "telechat").allowed);
  }
  CHECK_FALSE(ask->admit(Asked::who("alice")).allowed);
  CHECK_FALSE(ask->is_immutable("telechat", "7b"));
  CHECK_FALSE(ask->may_push_unregistered());
  CHECK(ask->accounts().empty());
  CHECK(ask->rule_count() == 0);
}

TEST_CASE("acl: an account without a rule is denied") {
  const Asked ask{"version: 1\nusers: {alice: {permissions: [view, pull, push, delete]}}\n"};
  CHECK(ask->admit(Asked::who("alice")).reason == Reason::usable);
  CHECK(ask("alice", Action::pull, "telechat", "7b").reason == Reason::no_rule);
}

TEST_CASE("acl: a rule allows what it names, to whom it names") {
  const Asked ask{kExample};
  const auto decision = ask("alice", Action::pull, "telechat", "7b-int4");
  CHECK(decision.allowed);
  CHECK(decision.reason == Reason::rule);
  REQUIRE(decision.rule != nullptr);
  CHECK(decision.rule->name == "research pulls the small models");
  CHECK(decision.rule->file == "acl.yml");
  CHECK(decision.rule->line == 11);
  CHECK(decision.to_string() == "allowed by research pulls the small models (acl.yml:11)");

  CHECK(ask("ci", Action::pull, "telechat", "7b-int4").allowed);
  CHECK(ask("alice", Action::pull, "telechat", "12b-fp16").reason == Reason::no_rule);
  CHECK(ask("alice", Action::pull, "telechat2", "7b-int4").reason == Reason::no_rule);
  CHECK(ask("alice", Action::pull, "team/telechat", "7b-int4").reason == Reason::no_rule);
  CHECK(ask("mallory", Action::pull, "telechat", "7b-int4").reason == Reason::unknown_account);
  CHECK(ask("Alice", Action::pull, "telechat", "7b-int4").reason == Reason::unknown_account);
}

TEST_CASE("acl: permissions bound what rules allow") {
  const Asked ask{kExample};
  CHECK(ask("alice", Action::push, "telechat", "7b-int4").reason == Reason::permission);
  CHECK(ask("bob", Action::push, "telechat", "7b-int4").allowed);
  // Nor does a permission give what no rule does.
  CHECK(ask("bob", Action::erase, "telechat", "7b-int4").reason == Reason::no_rule);
}

TEST_CASE("acl: deny beats allow") {
  const Asked ask{kExample};
  const auto decision = ask("bob", Action::push, "telechat", "7b-fp16");
  CHECK_FALSE(decision.allowed);
  CHECK(decision.reason == Reason::denied);
  REQUIRE(decision.rule != nullptr);
  CHECK(decision.rule->reason == "fp16 images are releases");
  CHECK(decision.to_string() == "denied by nobody replaces a release (acl.yml:15)");
  CHECK(ask("bob", Action::pull, "telechat", "7b-fp16").allowed);
}

TEST_CASE("acl: deny beats admin") {
  const Asked ask{kExample};
  CHECK(ask("root", Action::push, "telechat", "7b-fp16").reason == Reason::denied);
  CHECK(ask("root", Action::erase, "telechat", "7b-fp16").reason == Reason::denied);
  CHECK(ask("root", Action::push, "telechat", "7b-int8").reason == Reason::admin);
  CHECK(ask("root", Action::pull, "anything/at/all", "x").reason == Reason::admin);
}

TEST_CASE("acl: the order of rules never matters") {
  const std::string users = "version: 1\nusers: {a: {permissions: [pull]}}\nrules:\n";
  const std::string allow = "  - {who: [a], images: [m], allow: [pull]}\n";
  const std::string deny = "  - {who: [a], images: [\"m:x\"], deny: [pull]}\n";
  for (const auto& text : {users + allow + deny, users + deny + allow}) {
    const Asked ask{text};
    CHECK(ask("a", Action::pull, "m", "y").allowed);
    CHECK(ask("a", Action::pull, "m", "x").reason == Reason::denied);
  }
}

TEST_CASE("acl: no action implies another") {
  for (const Action given : kActions) {
    const std::string name{to_string(given)};
    const Asked ask{
        "version: 1\nusers: {a: {permissions: [view, pull, push, delete]}}\nrules:\n"
        "  - {who: [a], images: [m], allow: [" +
        name + "]}\n"};
    for (const Action action : kActions) {
      CHECK(ask("a", action, "m", "x").allowed == (action == given));
    }
  }
}

TEST_CASE("acl: of several rules that match, the first in the files is named") {
  const Asked ask{R"(
version: 1
groups: {g: [a]}
users: {a: {permissions: [pull, push]}}
rules:
  - {name: first, who: ["*"], images: ["**"], allow: [pull]}
  - {name: second, who: [a], images: ["m:x"], allow: [pull]}
  - {name: third, who: ["@g"], images: ["m:*"], deny: [push]}
  - {name: fourth, who: [a], images: ["m:x"], deny: [push]}
)"};
  CHECK(ask("a", Action::pull, "m", "x").rule->name == "first");
  CHECK(ask("a", Action::push, "m", "x").rule->name == "third");
}

TEST_CASE("acl: \"*\" is every account of the policy and nobody else") {
  const Asked ask{R"(
version: 1
users: {a: {permissions: [pull]}, b: {permissions: [pull]}}
rules: [{who: ["*"], images: [m], allow: [pull]}]
)"};
  CHECK(ask("a", Action::pull, "m", "x").allowed);
  CHECK(ask("b", Action::pull, "m", "x").allowed);
  CHECK(ask("c", Action::pull, "m", "x").reason == Reason::unknown_account);
  CHECK(ask("*", Action::pull, "m", "x").reason == Reason::unknown_account);
  CHECK(ask("", Action::pull, "m", "x").reason == Reason::unknown_account);
}

TEST_CASE("acl: a rule with an empty list allows nobody") {
  const Asked ask{R"(
version: 1
users: {a: {permissions: [pull]}}
rules: [{who: [], images: [m], allow: [pull]}]
)"};
  CHECK(ask("a", Action::pull, "m", "x").reason == Reason::no_rule);
}

TEST_CASE("acl: an account that is not usable is refused before anything else") {
  const Asked ask{R"(
version: 1
users:
  left: {permissions: [admin], enabled: false}
  guest: {permissions: [admin], expires: 2027-01-31T00:00:00Z}
  office: {permissions: [admin], from: [10.0.0.0/8, 2001:db8::/32]}
)"};
  const auto reason = [&](std::string_view account, std::string_view address,
                          std::string_view time) {
    const auto who = Asked::who(account, address, time);
    const auto admitted = ask->admit(who);
    const auto decided = ask->decide(who, Action::pull, "m", "x");
    CHECK(admitted.allowed == decided.allowed);
    if (!admitted.allowed) CHECK(admitted.reason == decided.reason);
    return admitted.reason;
  };
  CHECK(reason("left", "10.0.0.1", "2026-06-01") == Reason::disabled);
  CHECK(reason("guest", "10.0.0.1", "2027-01-30T23:59:59.999Z") == Reason::usable);
  // The instant itself is already too late.
  CHECK(reason("guest", "10.0.0.1", "2027-01-31T00:00:00Z") == Reason::expired);
  CHECK(reason("office", "10.255.255.255", "2026-06-01") == Reason::usable);
  CHECK(reason("office", "2001:db8::1", "2026-06-01") == Reason::usable);
  CHECK(reason("office", "11.0.0.0", "2026-06-01") == Reason::address);
  CHECK(reason("office", "::", "2026-06-01") == Reason::address);
}

TEST_CASE("acl: a rule holds at its times and from its places only") {
  const Asked ask{R"(
version: 1
users: {a: {permissions: [pull, push]}}
rules:
  - {who: [a], images: [m], allow: [pull], expires: 2026-07-01T00:00:00Z, from: [10.0.0.0/8]}
  - {who: [a], images: [m], allow: [push]}
  - {who: [a], images: [m], deny: [push], from: [192.0.2.0/24]}
)"};
  const auto may = [&](Action action, std::string_view address, std::string_view time) {
    return ask->decide(Asked::who("a", address, time), action, "m", "x").allowed;
  };
  CHECK(may(Action::pull, "10.0.0.1", "2026-06-30T23:59:59.999Z"));
  CHECK_FALSE(may(Action::pull, "10.0.0.1", "2026-07-01"));
  CHECK_FALSE(may(Action::pull, "192.0.2.1", "2026-06-30"));
  CHECK(may(Action::push, "10.0.0.1", "2026-06-30"));
  CHECK_FALSE(may(Action::push, "192.0.2.1", "2026-06-30"));
}

TEST_CASE("acl: a pattern without a tag is about every tag") {
  for (const char* image : {"m", "m:*", "m:**"}) {
    const Asked ask{std::string("version: 1\nusers: {a: {permissions: [pull]}}\nrules:\n"
                                "  - {who: [a], images: [\"") +
                    image + "\"], allow: [pull]}\n"};
    CHECK(ask("a", Action::pull, "m", "x").allowed);
    CHECK(ask("a", Action::pull, "m", "7b-int4.2_X").allowed);
    CHECK(ask.every_tag("a", Action::pull, "m").allowed);
    CHECK_FALSE(ask("a", Action::pull, "m/n", "x").allowed);
    CHECK_FALSE(ask("a", Action::pull, "mm", "x").allowed);
  }
}

TEST_CASE("acl: what is below a name is not the name") {
  const Asked ask{R"(
version: 1
users: {a: {permissions: [pull]}}
rules: [{who: [a], images: ["team/**", "one/*:v?"], allow: [pull]}]
)"};
  CHECK(ask("a", Action::pull, "team/x", "1").allowed);
  CHECK(ask("a", Action::pull, "team/x/y", "1").allowed);
  CHECK_FALSE(ask("a", Action::pull, "team", "1").allowed);
  CHECK_FALSE(ask("a", Action::pull, "teams/x", "1").allowed);
  CHECK(ask("a", Action::pull, "one/x", "v1").allowed);
  CHECK_FALSE(ask("a", Action::pull, "one/x", "v10").allowed);
  CHECK_FALSE(ask("a", Action::pull, "one/x/y", "v1").allowed);
}

TEST_CASE("acl: some tag is allowed if the name is, unless the whole name is denied") {
  const Asked ask{R"(
version: 1
users: {a: {permissions: [view, pull, push, delete]}, root: {permissions: [admin]}}
rules:
  - {name: some, who: [a], images: ["m:7b-*"], allow: [pull, push]}
  - {name: part, who: ["*"], images: ["m:7b-*"], deny: [push]}
  - {name: whole, who: ["*"], images: ["secret/**"], deny: [pull]}
  - {name: secret, who: [a], images: ["secret/x:1"], allow: [pull, view]}
)"};
  CHECK(ask.some_tag("a", Action::pull, "m").rule->name == "some");
  // Each tag that the allow rule covers is denied, but a pattern is not weighed against patterns.
  CHECK(ask.some_tag("a", Action::push, "m").allowed);
  CHECK(ask.some_tag("a", Action::view, "m").reason == Reason::no_rule);
  CHECK(ask.some_tag("a", Action::pull, "n").reason == Reason::no_rule);
  CHECK(ask.some_tag("a", Action::pull, "secret/x").rule->name == "whole");
  CHECK(ask.some_tag("a", Action::view, "secret/x").allowed);
  CHECK(ask.some_tag("root", Action::pull, "secret/x").reason == Reason::denied);
  CHECK(ask.some_tag("root", Action::push, "m").reason == Reason::admin);
}

TEST_CASE("acl: every tag needs a rule for every tag and no denial at all") {
  const Asked ask{R"(
version: 1
users: {a: {permissions: [view, pull, push, delete]}, root: {permissions: [admin]}}
rules:
  - {name: all, who: [a], images: ["m", "n:*"], allow: [pull, push]}
  - {name: part, who: ["*"], images: ["n:*-fp16"], deny: [push]}
  - {name: few, who: [a], images: ["o:7b"], allow: [pull]}
  - {name: none, who: ["*"], images: ["p"], deny: [pull]}
)"};
  CHECK(ask.every_tag("a", Action::pull, "m").rule->name == "all");
  CHECK(ask.every_tag("a", Action::pull, "n").allowed);
  auto decision = ask.every_tag("a", Action::push, "n");
  CHECK(decision.reason == Reason::not_every_tag);
  CHECK(decision.rule->name == "part");
  decision = ask.every_tag("a", Action::pull, "o");
  CHECK(decision.reason == Reason::not_every_tag);
  CHECK(decision.rule->name == "few");
  CHECK(ask.every_tag("a", Action::pull, "q").reason == Reason::no_rule);
  CHECK(ask.every_tag("root", Action::push, "m").reason == Reason::admin);
  CHECK(ask.every_tag("root", Action::push, "n").reason == Reason::not_every_tag);
  CHECK(ask.every_tag("root", Action::pull, "p").reason == Reason::denied);
}

TEST_CASE("acl: immutable images and unregistered pushes are answered") {
  const Asked ask{R"(
version: 1
immutable: ["release/**:*", "m:v?", "n"]
unregistered: push
)"};
  CHECK(ask->is_immutable("release/a/b", "latest"));
  CHECK(ask->is_immutable("m", "v1"));
  CHECK(ask->is_immutable("n", "any"));
  CHECK_FALSE(ask->is_immutable("m", "v10"));
  CHECK_FALSE(ask->is_immutable("release", "latest"));
  CHECK(ask->may_push_unregistered());
  CHECK(ask->rule_count() == 0);
}

TEST_CASE("acl: the policy knows its accounts and admins") {
  const Asked ask{R"(
version: 1
users:
  root: {permissions: [admin], enabled: false}
  bob: {permissions: [view]}
  "张 伟": {}
)"};
  CHECK(ask->accounts() == std::vector<std::string>{"bob", "root", "张 伟"});
  CHECK(ask->is_admin("root"));
  CHECK_FALSE(ask->is_admin("bob"));
  CHECK_FALSE(ask->is_admin("nobody"));
  CHECK(ask->admit(Asked::who("张 伟")).allowed);
}

}  // namespace layergate::acl
