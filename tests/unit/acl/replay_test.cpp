#include "acl/replay.h"

#include <doctest/doctest.h>

#include "tests/unit/acl/policy_text.h"

namespace layergate::acl {
namespace {

const std::string kPolicy = R"(version: 1
users:
  alice: {permissions: [view, pull, push]}
  bob: {permissions: [pull], expires: 2026-05-30}
rules:
  - {name: team, who: ["*"], images: ["t:*"], allow: [view, pull, push]}
  - {name: closed, who: ["*"], images: ["t:old"], deny: [pull]}
immutable: ["t:v1"]
)";

PastRequest request(std::string_view user, std::string_view tag, Action action = Action::pull) {
  PastRequest past;
  past.time = kTestNow;
  past.user = user;
  past.action = action;
  past.repository = "t";
  past.tag = tag;
  past.allowed = true;
  past.reason = "rule";
  past.rule = "all (acl.yml:4)";
  return past;
}

std::string told(const PastRequest& past) {
  const auto policy = parse_text(kPolicy).policy;
  REQUIRE(policy);
  Replay replay(*policy);
  replay.add(past);
  if (replay.same() == 1) return "same";
  if (!replay.passed_over().empty()) return replay.passed_over().begin()->first;
  const auto all = replay.otherwise();
  REQUIRE(all.size() == 1);
  return std::string(all[0].allowed ? "allowed" : "refused") + "; " + all[0].before + "; " +
         all[0].after;
}

}  // namespace

TEST_CASE("acl: a replay says what would be decided otherwise, and why") {
  const auto policy = parse_text(kPolicy).policy;
  REQUIRE(policy);
  Replay replay(*policy);
  replay.add(request("alice", "new"));
  auto later = request("alice", "old");
  replay.add(later);
  later.time += std::chrono::hours(1);
  replay.add(later);
  CHECK(replay.same() == 1);
  CHECK(replay.refused() == 2);
  CHECK(replay.allowed() == 0);
  const auto all = replay.otherwise();
  REQUIRE(all.size() == 1);
  CHECK(all[0].count == 2);
  CHECK(all[0].last - all[0].first == std::chrono::hours(1));
  CHECK(all[0].before == "allowed by all (acl.yml:4)");
  CHECK(all[0].after == "denied by closed (acl.yml:7)");
}

TEST_CASE("acl: a replay asks at the time of the request") {
  const auto policy = parse_text(kPolicy).policy;
  Replay replay(*policy);
  auto past = request("bob", "new");
  replay.add(past);
  CHECK(replay.refused() == 1);
  past.time = *parse_time("2026-05-29");
  replay.add(past);
  CHECK(replay.same() == 1);
}

TEST_CASE("acl: a replay does not guess what depends on the registry of then") {
  auto past = request("alice", "");
  past.by_digest = true;
  CHECK(told(past) == "it asked for a digest, and which tags reached it was not recorded");
  past.allowed = false;
  past.reason = "no_tag";
  CHECK(told(past) == "it asked for a digest, and which tags reached it was not recorded");
  past.tag = "old";
  past.allowed = true;
  past.reason = "rule";
  CHECK(told(past).starts_with("refused; allowed by all"));
  past.tag = "";
  past.reason = "possession";
  CHECK(told(past) == "same");
  past.user = "bob";
  CHECK(told(past).starts_with("refused; "));
}

TEST_CASE("acl: a replay keeps what is immutable closed") {
  auto past = request("alice", "v1", Action::push);
  past.allowed = false;
  past.reason = "immutable";
  past.rule = "";
  CHECK(told(past) == "same");
  past.tag = "v2";
  CHECK(told(past) == "allowed; refused: immutable; allowed by team (acl.yml:6)");
}

TEST_CASE("acl: each reason is found again by its name") {
  for (auto i = 0; i <= static_cast<int>(Reason::no_tag); ++i) {
    const auto reason = static_cast<Reason>(i);
    CHECK(parse_reason(to_string(reason)) == reason);
  }
  CHECK_FALSE(parse_reason("immutable"));
}

}  // namespace layergate::acl
