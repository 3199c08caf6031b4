#include "acl/policy_tests.h"

namespace layergate::acl {

TestResult run_test(const TestDraft& test, const Policy& policy, WallTime now) {
  const Principal who{test.user.text, test.from.value_or(IpAddress{}), test.at.value_or(now)};
  const auto decision = policy.decide(who, test.action, test.image.name, test.image.tag);
  return {decision, decision.allowed == test.allow};
}

std::string failure_of(const TestDraft& test, const TestResult& result) {
  std::string what = "this test fails: " + test.user.text + " must ";
  what += test.allow ? "be allowed to " : "not be allowed to ";
  what += std::string{to_string(test.action)} + " " + test.image.name + ":" + test.image.tag;
  what += ", and the answer is: " + result.decision.to_string();
  if (result.decision.reason == Reason::address && !test.from) what += " (the test has no from)";
  return what;
}

void run_tests(const Draft& draft, const Policy& policy, WallTime now,
               std::vector<Problem>& errors) {
  for (const TestDraft& test : draft.tests) {
    const auto result = run_test(test, policy, now);
    if (!result.passed) errors.push_back(draft.problem(test.place, failure_of(test, result)));
  }
}

}  // namespace layergate::acl
