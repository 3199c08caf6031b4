#include <exception>
#include <iostream>
#include <string>
#include <vector>

#include "base/problem.h"
#include "cli/command.h"

namespace {

// CLI11 says only that a subcommand is missing, whatever stands in its place.
bool explain_unknown(const CLI::App& app, const CLI::ParseError& error) {
  const auto unknown = app.remaining(true);
  if (error.get_exit_code() != static_cast<int>(CLI::ExitCodes::RequiredError) || unknown.empty()) {
    return false;
  }
  const CLI::App* at = &app;
  while (!at->get_subcommands().empty()) at = at->get_subcommands().front();
  std::vector<std::string> verbs;
  for (const auto* verb : at->get_subcommands([](const CLI::App*) { return true; })) {
    verbs.push_back(verb->get_name());
  }
  const auto& word = unknown.front();
  std::cerr << (word.starts_with('-') ? "unknown option: " : "unknown verb: ") << word;
  const auto meant = layergate::closest(word, verbs);
  if (!meant.empty()) std::cerr << "; did you mean " << meant << '?';
  std::cerr << "\n--help lists what there is\n";
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace layergate::cli;
  CLI::App app{"Layergate: the door in front of a Docker registry"};
  app.set_version_flag("--version", LAYERGATE_VERSION);
  app.require_subcommand(1);
  app.fallthrough();  // global options may stand behind the verb
  Globals globals;
  int exit_code = 0;
  add_globals(app, globals);
  add_serve(app, globals, exit_code);
  add_check(app, globals, exit_code);
  add_healthcheck(app, globals, exit_code);
  add_user(app, globals, exit_code);
  add_image(app, globals, exit_code);
  add_access(app, globals, exit_code);
  add_acl(app, globals, exit_code);
  add_backup(app, globals, exit_code);
  add_index(app, globals, exit_code);
  add_audit(app, globals, exit_code);
  add_legacy(app, globals, exit_code);
  add_whoami(app, globals, exit_code);
  add_generators(app, exit_code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (explain_unknown(app, error)) return 2;
    return app.exit(error) == 0 ? 0 : 2;
  } catch (const std::exception& error) {
    std::cerr << "error: " << error.what() << '\n';
    return 4;
  }
  return exit_code;
}
