// A close look at a policy: what in it does nothing, says the same twice, or may not be meant.
#pragma once

#include <vector>

#include "acl/draft.h"
#include "acl/finding.h"

namespace layergate::acl {

// All findings, those of acl/pitfalls.h included, in the order of the files. What is said of a rule
// that another one covers is always right; one that only several others cover together is not
// noticed. REQUIRES: resolve() found no errors in the draft.
std::vector<Finding> lint(const Draft& draft, WallTime now);

}  // namespace layergate::acl
