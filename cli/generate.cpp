// What is generated from the command line itself.
#include <iostream>

#include "cli/command.h"
#include "cli/completion.h"
#include "cli/manual.h"

namespace layergate::cli {

void add_generators(CLI::App& app, int& exit_code) {
  auto* completion =
      app.add_subcommand("completion", "Print a script that completes the verbs in a shell")
          ->require_subcommand(1);
  const auto add = [&](const char* shell, const char* help, std::string (*make)(const Verb&)) {
    completion->add_subcommand(shell, help)->callback([&app, &exit_code, make] {
      std::cout << make(verb_tree(app));
      exit_code = std::cout.flush() ? 0 : 4;
    });
  };
  add("bash", "source <(layergate completion bash)", bash_completion);
  add("zsh", "source <(layergate completion zsh)", zsh_completion);
  add("fish", "layergate completion fish | source", fish_completion);
  app.add_subcommand("man", "Print the manual page: layergate man | man -l -")
      ->callback([&app, &exit_code] {
        std::cout << manual_page(verb_tree(app), app.version());
        exit_code = std::cout.flush() ? 0 : 4;
      });
}

}  // namespace layergate::cli
