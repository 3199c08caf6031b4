#include "cli/verb_tree.h"

#include <utility>

namespace layergate::cli {
namespace {

// CLI11 writes what IsMember() allows into the name of the type: "FORMAT:{table,json,yaml}".
std::vector<std::string> choices_of(const std::string& type) {
  std::vector<std::string> choices;
  const auto begin = type.find('{');
  const auto end = type.find('}');
  if (begin == std::string::npos || end == std::string::npos || end < begin) return choices;
  std::string choice;
  for (auto at = begin + 1; at <= end; ++at) {
    if (at < end && type[at] != ',') {
      choice += type[at];
      continue;
    }
    choices.push_back(std::move(choice));
    choice.clear();
  }
  return choices;
}

Verb::Option option_of(const CLI::Option& option) {
  Verb::Option out;
  const auto type = option.get_type_name();
  out.description = option.get_description();
  out.choices = choices_of(type);
  out.required = option.get_required();
  if (option.get_positional()) {
    out.name = option.get_name(true);
    return out;
  }
  // The last of the names is the long one.
  out.name = option.get_name(false, true);
  out.name = out.name.substr(out.name.rfind(',') + 1);
  if (option.get_items_expected_max() > 0) out.value = type.substr(0, type.find(':'));
  return out;
}

Verb verb_of(const CLI::App& app, const std::string& path) {
  Verb verb;
  verb.name = app.get_name();
  verb.path = path;
  verb.description = app.get_description();
  for (const auto* option : app.get_options()) {
    (option->get_positional() ? verb.arguments : verb.options).push_back(option_of(*option));
  }
  for (const auto* below :
       app.get_subcommands([](const CLI::App* each) { return !each->get_name().empty(); })) {
    auto whole = path.empty() ? std::string() : path + ' ';
    whole += below->get_name();
    verb.verbs.push_back(verb_of(*below, whole));
  }
  return verb;
}

}  // namespace

// The program's own name is what it was called by, and no part of any path.
Verb verb_tree(const CLI::App& app) { return verb_of(app, ""); }

}  // namespace layergate::cli
