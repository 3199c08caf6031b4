// Checks the files' parts against each other, and turns names into numbers.
#pragma once

#include <vector>

#include "acl/draft.h"

namespace layergate::acl {

// Sets GroupDraft::accounts and RuleDraft::subjects (sorted, each once). What is wrong goes to
// errors; what is allowed but surely not meant goes to warnings.
void resolve(Draft& draft, WallTime now, std::vector<Problem>& errors,
             std::vector<Problem>& warnings);

}  // namespace layergate::acl
