#include "acl/explanation.h"

#include <doctest/doctest.h>

#include "acl/who_can.h"
#include "tests/unit/acl/open_text.h"
#include "tests/unit/acl/random_world.h"

namespace layergate::acl {
namespace {

const std::string kPolicy = R"(version: 1
groups:
  research: [alice, bob]
users:
  alice: {permissions: [view, pull]}
  bob: {permissions: [view]}
  ci: {permissions: [pull, push], from: [10.0.0.0/8]}
  gone: {permissions: [pull], expires: 2026-01-01}
  off: {permissions: [pull], enabled: false}
  root: {permissions: [admin]}
rules:
  - {name: small, who: ["@research", ci], images: ["t:7b-*"], allow: [pull, push]}
  - {name: not from there, who: ["*"], images: ["**"], deny: [pull], from: [10.9.0.0/16]}
  - {name: over, who: ["*"], images: ["**"], deny: [pull], expires: 2026-02-01}
  - {who: [ci], images: ["t:12b"], deny: [push]}
)";

std::string who_can_lines(const OpenPolicy& open, const Question& question) {
  std::string lines;
  who_can(open.draft, question, kTestNow,
          [&](const AccountDraft& account, const Standing& standing) {
            lines += account.name.text + " from " + standing.from.to_string() + ": " +
                     standing.to_string(open.draft) + "\n";
          });
  return lines;
}

}  // namespace

TEST_CASE("acl: an explanation says of each condition whether it matches, and which word did") {
  const auto open = open_text(kPolicy);
  const auto answer = explain(open.draft, Asked::who("alice"), {Action::pull, "t", "7b-int4"});
  CHECK(answer.allowed);
  REQUIRE(answer.rule);
  CHECK(open.draft.origin(*answer.rule).to_string() == "small (acl.yml:12)");
  CHECK(answer.groups == std::vector<std::string>{"research"});
  REQUIRE(answer.rules.size() == 4);
  const auto small = conditions_of(open.draft.rules[0], answer.rules[0]);
  CHECK(answer.rules[0].applies());
  CHECK(small.who == "@research");
  CHECK(small.images == "t:7b-*");
  CHECK(small.actions == "pull, push");
  CHECK(small.from == "anywhere");
  CHECK(small.expires == "never");
  CHECK_FALSE(answer.rules[1].from);
  CHECK_FALSE(answer.rules[2].unexpired);
  CHECK(conditions_of(open.draft.rules[2], answer.rules[2]).expires ==
        "over since 2026-02-01T00:00:00.000Z");
  CHECK_FALSE(answer.rules[3].who);
  CHECK(conditions_of(open.draft.rules[3], answer.rules[3]).who == "names ci");

  CHECK(explain(open.draft, Asked::who("eve"), {Action::pull, "t", "7b"}).account == nullptr);
  CHECK(explain(open.draft, Asked::who("bob"), {Action::pull, "t", "7b-x"}).reason ==
        Reason::permission);
}

TEST_CASE("acl: who can says it of every account, and from where") {
  const auto open = open_text(kPolicy);
  CHECK(who_can_lines(open, {Action::pull, "t", "7b-int4"}) ==
        "alice from anywhere but 10.9.0.0/16: allowed by small (acl.yml:12)\n"
        "bob from nowhere: refused: the account's permissions do not hold it\n"
        "ci from 10.0.0.0/13, 10.8.0.0/16, 10.10.0.0/15, 10.12.0.0/14, 10.16.0.0/12, "
        "10.32.0.0/11, 10.64.0.0/10, 10.128.0.0/9: allowed by small (acl.yml:12)\n"
        "gone from nowhere: refused: the account has expired\n"
        "off from nowhere: refused: the account is disabled\n"
        "root from anywhere but 10.9.0.0/16: allowed by the permission admin\n");
  CHECK(who_can_lines(open, {Action::push, "t", std::nullopt})
            .find("ci from 10.0.0.0/8: allowed by small (acl.yml:12)") != std::string::npos);
  CHECK(who_can_lines(open, {Action::push, "t", "12b"})
            .find("ci from nowhere: denied by the rule at acl.yml:15") != std::string::npos);
}

TEST_CASE("acl: explanations and who-can never differ from the decision") {
  int allowed = 0;
  for (unsigned seed = 0; seed < 400; ++seed) {
    random_world::World world{seed};
    const auto open = open_text(world.text());
    CAPTURE(world.text());
    for (int i = 0; i < 300; ++i) {
      const auto user = world.some_user();
      const Principal who{user, world.some_address(), world.some_time()};
      const auto action = world.some_action();
      const auto name = world.some_name();
      const auto tag = world.some_tag();
      CAPTURE(user);
      CAPTURE(to_string(action));
      CAPTURE(name + ":" + tag);
      const auto decision = open.policy->decide(who, action, name, tag);
      const auto answer = explain(open.draft, who, {action, name, tag});
      REQUIRE(answer.allowed == decision.allowed);
      REQUIRE(answer.reason == decision.reason);
      REQUIRE(answer.rule.has_value() == (decision.rule != nullptr));
      if (decision.rule != nullptr) {
        REQUIRE(open.draft.origin(*answer.rule).to_string() == decision.rule->to_string());
      }
      const auto some = open.policy->decide_some_tag(who, action, name);
      REQUIRE(explain(open.draft, who, {action, name, std::nullopt}).allowed == some.allowed);
      allowed += decision.allowed ? 1 : 0;
    }
    for (int i = 0; i < 20; ++i) {
      const auto action = world.some_action();
      const auto name = world.some_name();
      const auto tag = world.some_tag();
      const auto now = world.some_time();
      const auto address = world.some_address();
      CAPTURE(to_string(action));
      CAPTURE(name + ":" + tag);
      who_can(open.draft, {action, name, tag}, now,
              [&](const AccountDraft& account, const Standing& standing) {
                const Principal who{account.name.text, address, now};
                REQUIRE(standing.from.contains(address) ==
                        open.policy->decide(who, action, name, tag).allowed);
              });
      who_can(open.draft, {action, name, std::nullopt}, now,
              [&](const AccountDraft& account, const Standing& standing) {
                const Principal who{account.name.text, address, now};
                REQUIRE(standing.from.contains(address) ==
                        open.policy->decide_some_tag(who, action, name).allowed);
              });
    }
  }
  CHECK(allowed > 6000);
}

}  // namespace layergate::acl
