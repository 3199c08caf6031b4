#include "cli/completion.h"

#include <doctest/doctest.h>

#include "cli/manual.h"

namespace layergate::cli {
namespace {

struct Program {
  CLI::App app{"A program"};
  std::string text;
  bool flag = false;

  Program() {
    app.add_option("--format", text, "How it's shown")->check(CLI::IsMember({"table", "json"}));
    auto* user = app.add_subcommand("user", "Accounts");
    auto* add = user->add_subcommand("add", "Make one");
    add->add_option("name", text, "Its name")->required();
    add->add_option("--email", text, ".mail \\ 'quoted'");
    add->add_flag("-q,--quiet", flag, "Say nothing");
    app.add_subcommand("serve", "Run");
  }
};

}  // namespace

TEST_CASE("verb tree: verbs, options and arguments as they were added") {
  const Program program;
  const auto whole = verb_tree(program.app);
  REQUIRE(whole.verbs.size() == 2);
  CHECK(whole.path.empty());
  const auto& add = whole.verbs.at(0).verbs.at(0);
  CHECK(add.path == "user add");
  CHECK(add.name == "add");
  REQUIRE(add.arguments.size() == 1);
  CHECK(add.arguments.at(0).name == "name");
  CHECK(add.arguments.at(0).required);
  std::vector<std::string> names;
  for (const auto& option : add.options) names.push_back(option.name);
  CHECK(names == std::vector<std::string>{"--help", "--email", "--quiet"});
  CHECK_FALSE(add.options.at(1).value.empty());
  CHECK(add.options.at(2).value.empty());
  bool has_choices = false;
  for (const auto& option : whole.options) {
    if (option.name != "--format") continue;
    has_choices = option.choices.size() == 2;
  }
  CHECK(has_choices);
}

TEST_CASE("manual page: each verb is there, and no text is taken for a request") {
  const Program program;
  const auto page = manual_page(verb_tree(program.app), "1.2.3");
  CHECK(page.find(".SS user add\n") != std::string::npos);
  CHECK(page.find(".SS serve\n") != std::string::npos);
  CHECK(page.find(".SS user\n") == std::string::npos);
  CHECK(page.find("\\&.mail \\e 'quoted'\n") != std::string::npos);
  CHECK(page.find("\\-\\-email") != std::string::npos);
}

TEST_CASE("completion: quotes in a text do not end its quotes") {
  const Program program;
  CHECK(fish_completion(verb_tree(program.app)).find("-d '.mail \\ '\\''quoted'\\'''") !=
        std::string::npos);
}

}  // namespace layergate::cli
