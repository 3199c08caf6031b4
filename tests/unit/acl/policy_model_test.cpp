// The index against a model that is slow and plainly right: it walks all rules. Policies and
// questions are random but always the same ones.
#include <doctest/doctest.h>

#include "tests/unit/acl/policy_text.h"
#include "tests/unit/acl/random_world.h"

namespace layergate::acl {
namespace {

using random_world::World;

constexpr int kPolicies = 400;
constexpr int kQuestions = 250;  // of each policy

// The rule that a decision names has to be one that could have made it.
void check_origin(const Decision& decision) {
  const bool has_rule = decision.reason == Reason::rule || decision.reason == Reason::denied ||
                        decision.reason == Reason::not_every_tag;
  if (decision.reason != Reason::not_every_tag) REQUIRE((decision.rule != nullptr) == has_rule);
  REQUIRE(decision.allowed ==
          (decision.reason == Reason::rule || decision.reason == Reason::admin));
}

}  // namespace

TEST_CASE("acl: the index never differs from walking all rules") {
  int allowed = 0;
  for (unsigned seed = 0; seed < kPolicies; ++seed) {
    World world{seed};
    const Asked ask{world.text()};
    for (int i = 0; i < kQuestions; ++i) {
      const auto user = world.some_user();
      const Principal who{user, world.some_address(), world.some_time()};
      const auto action = world.some_action();
      const auto name = world.some_name();
      const auto tag = world.some_tag();
      CAPTURE(world.text());
      CAPTURE(user);
      CAPTURE(to_string(action));
      CAPTURE(name);
      CAPTURE(tag);
      const auto one = ask->decide(who, action, name, tag);
      const auto some = ask->decide_some_tag(who, action, name);
      const auto every = ask->decide_every_tag(who, action, name);
      REQUIRE(one.allowed == world.one_tag(who, action, name, tag));
      REQUIRE(some.allowed == world.some_tag(who, action, name));
      REQUIRE(every.allowed == world.every_tag(who, action, name));
      REQUIRE(ask->is_immutable(name, tag) == world.is_immutable(name, tag));
      // What holds for every tag holds for one, and what holds for one holds for some.
      if (every.allowed) REQUIRE(one.allowed);
      if (one.allowed) REQUIRE(some.allowed);
      for (const auto& decision : {one, some, every}) check_origin(decision);
      allowed += one.allowed ? 1 : 0;
    }
  }
  // A model that says no to everything would agree with an index that does.
  CHECK(allowed > kPolicies * kQuestions / 20);
  CHECK(allowed < kPolicies * kQuestions / 2);
}

}  // namespace layergate::acl
