// What loading a policy warns of; acl/lint.h looks closer.
#pragma once

#include <vector>

#include "acl/draft.h"
#include "acl/finding.h"

namespace layergate::acl {

// A finding, and the time in which it holds.
struct TimedFinding {
  Finding finding;
  WallTime from = WallTime::min();
  WallTime until = WallTime::max();  // no longer then
};
// In no order; takes time in the length of the policy. REQUIRES: resolve() was there.
std::vector<TimedFinding> pitfalls_at_any_time(const Draft& draft);
// Those of them that hold now.
std::vector<Finding> pitfalls(const Draft& draft, WallTime now);

}  // namespace layergate::acl
