#include "acl/policy_tests.h"

#include <string>

namespace layergate::acl {

void run_tests(const Draft& draft, const Policy& policy, WallTime now, std::vector<Problem>& errors,
               std::vector<Problem>& warnings) {
  for (const TestDraft& test : draft.tests) {
    const Principal who{test.user.text, test.from.value_or(IpAddress{}), test.at.value_or(now)};
    const auto decision = policy.decide(who, test.action, test.image.name, test.image.tag);
    if (decision.allowed != test.allow) {
      std::string what = "this test fails: " + test.user.text + " must ";
      what += test.allow ? "be allowed to " : "not be allowed to ";
      what += std::string{to_string(test.action)} + " " + test.image.name + ":" + test.image.tag;
      what += ", and the answer is: " + decision.to_string();
      if (decision.reason == Reason::address && !test.from) what += " (the test has no from)";
      errors.push_back(draft.problem(test.place, std::move(what)));
    } else if (decision.reason == Reason::unknown_account) {
      warnings.push_back(draft.problem(test.user.place, "there is no user \"" + test.user.text +
                                                            "\", so this test shows little"));
    }
  }
}

}  // namespace layergate::acl
