// From a draft without mistakes to the policy that decides.
#pragma once

#include <memory>

#include "acl/draft.h"
#include "acl/policy.h"

namespace layergate::acl {

// REQUIRES: resolve() found no errors in the draft.
std::shared_ptr<const Policy> compile(const Draft& draft);

}  // namespace layergate::acl
