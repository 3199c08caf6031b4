#include <iostream>
#include <memory>

#include "acl/loader.h"
#include "auth/htpasswd.h"
#include "cli/load_config.h"

namespace layergate::cli {
namespace {

struct Arguments {
  std::string user;
  std::string name;
  std::string tag;
  std::string action = "pull";
  std::string from = "127.0.0.1";
};

int check(const Globals& globals, const Arguments& arguments) {
  const auto action = acl::parse_action(arguments.action);
  const auto address = IpAddress::parse(arguments.from);
  if (!action || !address) {
    std::cerr << (action ? "error: --from takes an IP address\n"
                         : "error: --action takes view, pull, push or delete\n");
    return 2;
  }
  const auto config = load_config(globals);
  if (!config) return 3;
  const auto policy = acl::load(config->acl, wall_now());
  const auto htpasswd = auth::Htpasswd::load(config->htpasswd);
  print_problems(policy.errors, "error");
  print_problems(htpasswd.errors, "error");
  if (!policy.policy || !htpasswd.htpasswd) return 3;

  const auto decision = policy.policy->decide({arguments.user, *address, wall_now()}, *action,
                                              arguments.name, arguments.tag);
  const bool has_password = htpasswd.htpasswd->find(arguments.user) != nullptr;
  const bool allowed = decision.allowed && has_password;
  std::cout << (allowed ? "allowed" : "denied") << ": " << arguments.user << " " << arguments.action
            << " " << arguments.name << ":" << arguments.tag << ": "
            << (decision.allowed && !has_password ? "no line in htpasswd" : decision.to_string())
            << '\n';
  return allowed ? 0 : 1;
}

}  // namespace

void add_access(CLI::App& app, const Globals& globals, int& exit_code) {
  auto* access = app.add_subcommand("access", "Who may do what")->require_subcommand(1);
  auto* verb = access->add_subcommand("check", "Whether a user may do something with an image");
  auto arguments = std::make_shared<Arguments>();
  verb->add_option("user", arguments->user, "The account")->required();
  verb->add_option("name", arguments->name, "The repository")->required();
  verb->add_option("tag", arguments->tag, "The tag")->required();
  verb->add_option("--action", arguments->action, "view, pull, push or delete")
      ->capture_default_str();
  verb->add_option("--from", arguments->from, "The client's address")->capture_default_str();
  verb->callback([&globals, &exit_code, arguments] { exit_code = check(globals, *arguments); });
}

}  // namespace layergate::cli
