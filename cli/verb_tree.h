// What can stand on the command line, as data: for the completion of shells and the manual page.
#pragma once

#include <string>
#include <vector>

#include <CLI/CLI.hpp>

namespace layergate::cli {

struct Verb {
  struct Option {
    std::string name;   // "--format"; of an argument by place "name"
    std::string value;  // what follows it, as "TEXT"; empty: nothing
    std::string description;
    std::vector<std::string> choices;  // the values that there are, if those are few
    bool required = false;
  };

  std::string path;  // "user add"; empty for the program itself
  std::string name;  // "add"
  std::string description;
  std::vector<Option> options;
  std::vector<Option> arguments;  // by place
  std::vector<Verb> verbs;
};

Verb verb_tree(const CLI::App& app);

// Calls use(verb) for the verb and all below it, those above first.
template <typename Use>
void for_each_verb(const Verb& verb, const Use& use) {
  use(verb);
  for (const auto& below : verb.verbs) for_each_verb(below, use);
}

}  // namespace layergate::cli
