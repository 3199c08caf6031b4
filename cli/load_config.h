// What every verb begins with.
#pragma once

#include <optional>

#include "cli/command.h"
#include "config/config.h"

namespace layergate::cli {

// Prints what is wrong to stderr and answers nothing if there is an error.
std::optional<config::Config> load_config(const Globals& globals);

void print_problems(const std::vector<Problem>& problems, const char* kind);

}  // namespace layergate::cli
