// The questions that a policy file asks about itself.
#pragma once

#include <vector>

#include "acl/draft.h"
#include "acl/policy.h"

namespace layergate::acl {

// Adds an error for each test of the draft that the policy answers otherwise, saying which rule it
// was. A test without `at:` asks about now; one without `from:` comes from the address "::", which
// is in no network but ::/0.
void run_tests(const Draft& draft, const Policy& policy, WallTime now, std::vector<Problem>& errors,
               std::vector<Problem>& warnings);

}  // namespace layergate::acl
