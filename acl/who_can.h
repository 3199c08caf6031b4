// Which accounts may do something with an image, and by which rule.
#pragma once

#include <functional>

#include "acl/draft.h"
#include "acl/question.h"
#include "acl/standing.h"

namespace layergate::acl {

// Calls visit for each account of the policy, in the order of their names. Passwords are not looked
// at. REQUIRES: resolve() found no errors in the draft.
void who_can(const Draft& draft, const Question& question, WallTime now,
             const std::function<void(const AccountDraft&, const Standing&)>& visit);

}  // namespace layergate::acl
