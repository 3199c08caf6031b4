// Checks the files' parts against each other, and turns names into numbers.
#pragma once

#include <vector>

#include "acl/draft.h"

namespace layergate::acl {

// Sets GroupDraft::accounts and RuleDraft::subjects (sorted, each once). What is wrong goes to
// errors.
void resolve(Draft& draft, std::vector<Problem>& errors);

}  // namespace layergate::acl
