#include <exception>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "base/problem.h"
#include "cli/command.h"
#include "cli/output.h"

namespace {

std::vector<const CLI::App*> verbs_below(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

std::string in_order(std::initializer_list<std::string_view> words) {
  std::string text;
  for (const auto word : words) text.append(text.empty() ? "" : " ").append(word);
  return text;
}

// What a word that is no verb below `app` may have meant; `verb` is how `app` is called.
std::string meant_by(const std::string& word, const CLI::App& app, const std::string& verb) {
  std::vector<std::string> names;
  std::string deeper;  // "layergate user add" for "layergate add"
  for (const auto* below : verbs_below(app)) {
    names.push_back(below->get_name());
    if (below->get_name() == word) return in_order({verb, word});  // it stood before the other
    for (const auto* last : verbs_below(*below)) {
      if (last->get_name() != word) continue;
      if (!deeper.empty()) deeper += " or ";
      deeper += in_order({verb, below->get_name(), word});
    }
  }
  return deeper.empty() ? layergate::closest(word, names) : deeper;
}

// CLI11 says only that a subcommand is missing, whatever stands in its place, and lists what is too
// much from its end.
std::string explained(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App* at = &app;
  std::string verb = app.get_name();
  while (!at->get_subcommands().empty()) {
    at = at->get_subcommands().front();
    verb += ' ' + at->get_name();
  }
  const auto help = "; " + verb + " --help lists what there is";
  const auto unknown = app.remaining(true);
  if (unknown.empty()) return error.what() + help;
  const auto& word = unknown.front();
  if (word.starts_with('-')) return "unknown option " + word + help;
  if (verbs_below(*at).empty()) return "\"" + word + "\" is one word too many" + help;
  const auto meant = meant_by(word, *at, verb);
  return "unknown verb " + word + (meant.empty() ? "" : "; did you mean " + meant + '?') + help;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace layergate::cli;
  CLI::App app{"Layergate: the door in front of a Docker registry", "layergate"};
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
    if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
    print_error(explained(app, error));
    return 2;
  } catch (const std::exception& error) {
    print_error(error.what());
    return 4;
  }
  return exit_code;
}
