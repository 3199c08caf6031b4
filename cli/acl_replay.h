// acl replay: which requests of the past would another policy decide otherwise.
#pragma once

#include "cli/command.h"

namespace layergate::cli {

void add_acl_replay(CLI::App& acl, const Globals& globals, int& exit_code);

}  // namespace layergate::cli
