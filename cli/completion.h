// Scripts that complete the command line in shells.
#pragma once

#include <string>

#include "cli/verb_tree.h"

namespace layergate::cli {

std::string bash_completion(const Verb& whole);
std::string zsh_completion(const Verb& whole);  // bash's, through zsh's bashcompinit
std::string fish_completion(const Verb& whole);

}  // namespace layergate::cli
