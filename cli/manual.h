// The manual page, layergate(1).
#pragma once

#include <string>

#include "cli/verb_tree.h"

namespace layergate::cli {

// In roff, for man -l and /usr/share/man/man1.
std::string manual_page(const Verb& whole, const std::string& version);

}  // namespace layergate::cli
