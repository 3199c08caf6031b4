// The verbs of the program. Each registers itself on the command line and runs when it was asked
// for; its result is the exit code: 0 done or allowed, 1 denied or not found, 2 wrong usage, 3 the
// configuration or policy is not valid, 4 I/O or network.
#pragma once

#include <string>

#include <CLI/CLI.hpp>

namespace layergate::cli {

struct Globals {
  std::string config_dir;
};

// Each sets `exit_code` when its verb was run. The references must outlive the parsing.
void add_serve(CLI::App& app, const Globals& globals, int& exit_code);
void add_check(CLI::App& app, const Globals& globals, int& exit_code);
void add_healthcheck(CLI::App& app, const Globals& globals, int& exit_code);
void add_user(CLI::App& app, const Globals& globals, int& exit_code);
void add_access(CLI::App& app, const Globals& globals, int& exit_code);
void add_backup(CLI::App& app, const Globals& globals, int& exit_code);  // and verify, restore
void add_index(CLI::App& app, const Globals& globals, int& exit_code);

}  // namespace layergate::cli
