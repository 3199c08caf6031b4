// The verbs of the program. Each registers itself on the command line and runs when it was asked
// for; its result is the exit code: 0 done or allowed, 1 denied or not found, 2 wrong usage, 3 the
// configuration or policy is not valid, 4 I/O or network.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

namespace layergate::cli {

enum class Format : std::uint8_t { table, json, yaml };

struct Globals {
  std::string config_dir;
  std::string registry_url;  // only names the registry in what is printed
  std::string api_url;       // of a remote gate; empty: the files of config_dir
  std::string api_user;
  std::string api_ca;  // a file of certificates, for gates that only an own CA vouches for
  Format format = Format::table;
};

void add_globals(CLI::App& app, Globals& globals);

// An option that takes one list, "a,b" or "a, b".
CLI::Option* add_list(CLI::App& verb, const std::string& name, std::vector<std::string>& list,
                      const std::string& help);

// Each sets `exit_code` when its verb was run. The references must outlive the parsing.
void add_serve(CLI::App& app, const Globals& globals, int& exit_code);
void add_check(CLI::App& app, const Globals& globals, int& exit_code);
void add_healthcheck(CLI::App& app, const Globals& globals, int& exit_code);
void add_user(CLI::App& app, const Globals& globals, int& exit_code);
void add_acl(CLI::App& app, const Globals& globals, int& exit_code);
void add_access(CLI::App& app, const Globals& globals, int& exit_code);
void add_backup(CLI::App& app, const Globals& globals, int& exit_code);  // and verify, restore
void add_index(CLI::App& app, const Globals& globals, int& exit_code);
void add_audit(CLI::App& app, const Globals& globals, int& exit_code);
void add_image(CLI::App& app, const Globals& globals, int& exit_code);
void add_legacy(CLI::App& app, const Globals& globals, int& exit_code);  // import and export
// Below `access`.
void add_grants(CLI::App& access, const Globals& globals, int& exit_code);
void add_whoami(CLI::App& app, const Globals& globals, int& exit_code);
// `completion` and `man`, which show all that the others have added. The app has to outlive this.
void add_generators(CLI::App& app, int& exit_code);

}  // namespace layergate::cli
