#include <unistd.h>

#include <exception>
#include <functional>
#include <iostream>
#include <memory>

#include "backup/create.h"
#include "backup/examine.h"
#include "backup/restore.h"
#include "cli/load_config.h"
#include "cli/output.h"

namespace layergate::cli {
namespace {

int report(const manage::Failure& failure) {
  print_error(failure.what);
  return manage::exit_code(failure.kind);
}

int create(const Globals& globals, const std::string& file) {
  if (!globals.api_url.empty()) {
    print_error("a backup is made on the gate's machine, not with --api-url");
    return 2;
  }
  const bool to_stdout = file == "-";
  if (to_stdout && ::isatty(STDOUT_FILENO) == 1) {
    print_error("a backup is no text for a terminal: name a file, or pipe it on");
    return 2;
  }
  const auto config = load_config(globals);
  if (!config) return 3;
  const auto made =
      to_stdout ? backup::create(*config, STDOUT_FILENO) : backup::create(*config, file);
  if (!made) return report(made.error());
  for (const auto& what : made->passed_over) std::cerr << "passed over: " << what << '\n';
  (to_stdout ? std::cerr : std::cout)
      << "backed up " << made->files << " files\nsha256:" << made->sha256 << '\n';
  return 0;
}

void print(const backup::Examined& found) {
  const auto& manifest = found.archive.manifest;
  std::cout << "sha256:" << found.archive.sha256 << ", made " << format_time(manifest.made) << '\n'
            << manifest.members.size() << " files, " << found.bytes
            << " bytes: each is what was backed up, none is missing, none was added\n"
            << "the policy loads and passes its tests: " << found.rules << " rules, "
            << found.accounts << " accounts\n"
            << "the password file loads: " << found.passwords << " passwords\n";
  for (const auto& name : found.databases) std::cout << name << " is intact\n";
  for (const auto& problem : found.warnings) {
    print_note("this was valid when it was backed up, and is not today: " + problem.to_string());
  }
}

int verify(const std::string& file) {
  const auto found = backup::verify(file);
  if (!found) return report(found.error());
  print(*found);
  return 0;
}

int restore(const std::string& file, const std::string& dir) {
  const auto found = backup::restore(file, dir);
  if (!found) return report(found.error());
  print(*found);
  std::cout << "restored to " << dir << '\n';
  for (const auto& change : found->layergate_yml.changed) {
    std::cout << "changed in its layergate.yml, which meant another place: " << change << '\n';
  }
  std::cout << "\nNext:\n"
               "  stop the gate whose place this one takes, if it still runs\n"
               "  give it to the service's account: chown -R layergate: "
            << dir << "\n  layergate check --config-dir " << dir
            << "/conf\n  layergate serve --config-dir " << dir
            << "/conf\n  layergate index verify --config-dir " << dir
            << "/conf    (what was pushed since; `rebuild` takes it in)\n";
  return 0;
}

void guard(int& exit_code, const std::function<int()>& run) {
  try {
    exit_code = run();
  } catch (const std::exception& error) {
    print_error(error.what());
    exit_code = 4;
  }
}

}  // namespace

void add_backup(CLI::App& app, const Globals& globals, int& exit_code) {
  struct Arguments {
    std::string file;
    std::string dir;
  };
  auto given = std::make_shared<Arguments>();
  auto* backup = app.add_subcommand(
      "backup", "Configuration and state into one new file, while the proxy runs");
  backup->add_option("file", given->file, "Its name, or - for standard output")->required();
  backup->callback([&globals, &exit_code, given] {
    guard(exit_code, [&] { return create(globals, given->file); });
  });
  auto* verify_verb = app.add_subcommand("verify", "Prove that a backup is whole and of use");
  verify_verb->add_option("file", given->file, "Its name, or - for standard input")->required();
  verify_verb->callback(
      [&exit_code, given] { guard(exit_code, [&] { return verify(given->file); }); });
  auto* restore_verb = app.add_subcommand("restore", "Bring a backup back, into a new directory");
  restore_verb->add_option("file", given->file, "Its name, or - for standard input")->required();
  restore_verb->add_option("dir", given->dir, "A directory that is empty or not there")->required();
  restore_verb->callback(
      [&exit_code, given] { guard(exit_code, [&] { return restore(given->file, given->dir); }); });
}

}  // namespace layergate::cli
