// From a draft without mistakes to the policy that decides.
#pragma once

#include <memory>

#include "acl/draft.h"
#include "acl/policy.h"

namespace layergate::acl {

struct Compilation {
  std::shared_ptr<const Policy> policy;
  const Policy::Impl* parts = nullptr;  // of the policy
};
// REQUIRES: resolve() found no errors in the draft.
Compilation compile(const Draft& draft);

}  // namespace layergate::acl
