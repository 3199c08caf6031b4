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

using api::Json;

// `lines` are for people.
int tell(const Globals& globals, Json body, const std::string& lines) {
  if (globals.format == Format::table) {
    std::cout << lines << '\n' << std::flush;
    if (std::cout) return 0;
    print_error("standard output cannot be written");
    return 4;
  }
  api::Reply reply;
  reply.body = std::move(body);
  return finish(globals, reply);
}

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
  const auto done = "backed up " + std::to_string(made->files) + " files\nsha256:" + made->sha256;
  for (const auto& what : made->passed_over) print_note("passed over: " + what);
  if (to_stdout) {
    std::cerr << done << '\n';
    return 0;
  }
  return tell(
      globals,
      {{"files", made->files}, {"sha256", made->sha256}, {"passed_over", made->passed_over}}, done);
}

Json to_json(const backup::Examined& found) {
  auto warnings = Json::array();
  for (const auto& problem : found.warnings) warnings.push_back(problem.to_string());
  return {{"sha256", found.archive.sha256},
          {"made", format_time(found.archive.manifest.made)},
          {"files", found.archive.manifest.members.size()},
          {"bytes", found.bytes},
          {"rules", found.rules},
          {"accounts", found.accounts},
          {"passwords", found.passwords},
          {"databases", found.databases},
          {"warnings", std::move(warnings)}};
}

std::string lines_of(const backup::Examined& found) {
  const auto& manifest = found.archive.manifest;
  auto text = "sha256:" + found.archive.sha256 + ", made " + format_time(manifest.made) + '\n' +
              std::to_string(manifest.members.size()) + " files, " + std::to_string(found.bytes) +
              " bytes: each is what was backed up, none is missing, none was added\n" +
              "the policy loads and passes its tests: " + std::to_string(found.rules) + " rules, " +
              std::to_string(found.accounts) +
              " accounts\nthe password file loads: " + std::to_string(found.passwords) +
              " passwords";
  for (const auto& name : found.databases) text += '\n' + name + " is intact";
  for (const auto& problem : found.warnings) {
    print_note("this was valid when it was backed up, and is not today: " + problem.to_string());
  }
  return text;
}

int verify(const Globals& globals, const std::string& file) {
  const auto found = backup::verify(file);
  if (!found) return report(found.error());
  return tell(globals, to_json(*found), lines_of(*found));
}

int restore(const Globals& globals, const std::string& file, const std::string& dir) {
  const auto found = backup::restore(file, dir);
  if (!found) return report(found.error());
  auto text = lines_of(*found) + "\nrestored to " + dir;
  for (const auto& change : found->layergate_yml.changed) {
    text += "\nchanged in its layergate.yml, which meant another place: " + change;
  }
  const auto verb = [&](const std::string& words) {
    return "\n  layergate " + words + " --config-dir " + dir + "/conf";
  };
  text +=
      "\n\nNext:\n  stop the gate whose place this one takes, if it still runs"
      "\n  give it to the service's account: chown -R layergate: " +
      dir + verb("check") + verb("serve") + verb("index verify") +
      "    (what was pushed since; `rebuild` takes it in)";
  auto body = to_json(*found);
  body["restored_to"] = dir;
  body["changed"] = found->layergate_yml.changed;
  return tell(globals, std::move(body), text);
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
  verify_verb->callback([&globals, &exit_code, given] {
    guard(exit_code, [&] { return verify(globals, given->file); });
  });
  auto* restore_verb = app.add_subcommand("restore", "Bring a backup back, into a new directory");
  restore_verb->add_option("file", given->file, "Its name, or - for standard input")->required();
  restore_verb->add_option("dir", given->dir, "A directory that is empty or not there")->required();
  restore_verb->callback([&globals, &exit_code, given] {
    guard(exit_code, [&] { return restore(globals, given->file, given->dir); });
  });
}

}  // namespace layergate::cli
