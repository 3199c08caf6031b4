// The questions that a policy file asks about itself.
#pragma once

#include <string>
#include <vector>

#include "acl/draft.h"
#include "acl/policy.h"

namespace layergate::acl {

// A test without `at:` asks about now; one without `from:` comes from the address "::", which is in
// no network but ::/0.
struct TestResult {
  Decision decision;  // its rule lives as long as the policy
  bool passed = false;
};
TestResult run_test(const TestDraft& test, const Policy& policy, WallTime now);

// What the test asks and what was answered, of one that failed: one sentence.
std::string failure_of(const TestDraft& test, const TestResult& result);

// Adds an error for each test of the draft that the policy answers otherwise, saying which rule it
// was.
void run_tests(const Draft& draft, const Policy& policy, WallTime now,
               std::vector<Problem>& errors);

}  // namespace layergate::acl
