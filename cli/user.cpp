#include <iostream>
#include <memory>

#include "cli/load_config.h"
#include "cli/read_password.h"
#include "manage/accounts.h"

namespace layergate::cli {
namespace {

struct Arguments {
  manage::NewAccount account;
  bool from_stdin = false;
};

int add(const Globals& globals, Arguments& arguments) {
  auto& account = arguments.account;
  if (!account.password.empty()) {
    if (arguments.from_stdin) {
      std::cerr << "error: the password is given twice\n";
      return 2;
    }
    std::cerr << "warning: a password on the command line can be seen by others of this machine; "
                 "leave it out to be asked, or use --password-stdin\n";
  } else {
    std::string problem = "no password came on standard input";
    const auto password =
        arguments.from_stdin ? read_password_from_stdin() : ask_for_password(account.name, problem);
    if (!password) {
      std::cerr << "error: " << problem << '\n';
      return 2;
    }
    account.password = *password;
  }
  const auto config = load_config(globals);
  if (!config) return 3;
  if (const auto added = manage::add_account(*config, account); !added) {
    std::cerr << "error: " << added.error().what << '\n';
    return manage::exit_code(added.error().kind);
  }
  std::cout << "added " << account.name << '\n';
  return 0;
}

}  // namespace

void add_user(CLI::App& app, const Globals& globals, int& exit_code) {
  auto* user = app.add_subcommand("user", "Accounts")->require_subcommand(1);
  auto* verb = user->add_subcommand("add", "Make an account");
  auto arguments = std::make_shared<Arguments>();
  verb->add_option("name", arguments->account.name, "Its name")->required();
  verb->add_option("password", arguments->account.password,
                   "Better left out: you are asked for it");
  verb->add_flag("--password-stdin", arguments->from_stdin,
                 "Read the password from standard input");
  verb->add_option("--permissions", arguments->account.permissions, "view,pull,push,delete,admin")
      ->delimiter(',')
      ->required();
  verb->add_option("--email", arguments->account.email, "Its mail address");
  verb->callback([&globals, &exit_code, arguments] { exit_code = add(globals, *arguments); });
}

}  // namespace layergate::cli
