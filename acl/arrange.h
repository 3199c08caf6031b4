// The order and the number in which problems are told.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/problem.h"

namespace layergate::acl {

// Puts them in the order in which a person goes through the files, and keeps the first `most`. If
// there are others, a last one tells how many, with `more` that are not even here.
void arrange(std::vector<Problem>& problems, const std::vector<std::string>& files,
             std::size_t most, std::size_t more = 0);

}  // namespace layergate::acl
