#include "cli/load_config.h"

#include <iostream>

namespace layergate::cli {

void print_problems(const std::vector<Problem>& problems, const char* kind) {
  for (const auto& problem : problems) std::cerr << kind << ": " << problem.to_string() << '\n';
}

std::optional<config::Config> load_config(const Globals& globals) {
  auto loaded = config::load(config::find_dir(globals.config_dir));
  print_problems(loaded.warnings, "warning");
  print_problems(loaded.errors, "error");
  return std::move(loaded.config);
}

}  // namespace layergate::cli
