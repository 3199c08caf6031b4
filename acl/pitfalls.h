// What loading a policy warns of; acl/lint.h looks closer.
#pragma once

#include <vector>

#include "acl/draft.h"
#include "acl/finding.h"

namespace layergate::acl {

// In no order; takes time in the length of the policy. REQUIRES: resolve() was there.
std::vector<Finding> pitfalls(const Draft& draft, WallTime now);

}  // namespace layergate::acl
