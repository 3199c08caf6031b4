#include <iostream>
#include <memory>

#include "acl/loader.h"
#include "auth/htpasswd.h"
#include "cli/load_config.h"
#include "proxy/gate.h"
#include "proxy/reference.h"

namespace layergate::cli {
namespace {

struct Arguments {
  std::string user;
  std::string name;
  std::string tag;
  std::string action = "pull";
  std::string from = "127.0.0.1";
};

struct Answer {
  bool allowed;
  std::string why;
};

// What the proxy would say to the request by tag.
Answer ask(const acl::Policy& policy, const acl::Principal& who, acl::Action action,
           const Arguments& arguments) {
  proxy::Route route;
  route.repository = arguments.name;
  route.tag = arguments.tag;
  route.endpoint = proxy::Endpoint::manifest;
  switch (action) {
    case acl::Action::view: {
      const auto decision = proxy::decide_view(arguments.name, arguments.tag, who, policy);
      return {decision.allowed, decision.to_string()};
    }
    case acl::Action::pull:
      route.method = proxy::Method::get;
      break;
    case acl::Action::push:
      route.method = proxy::Method::put;
      break;
    case acl::Action::erase:
      route.method = proxy::Method::erase;
      break;
  }
  const auto ruling = proxy::rule_on(route, who, policy);
  if (!ruling.refusal) return {true, ruling.decision.to_string()};
  return {false, ruling.decision.allowed ? ruling.refusal->message : ruling.decision.to_string()};
}

int check(const Globals& globals, const Arguments& arguments) {
  const auto action = acl::parse_action(arguments.action);
  const auto address = IpAddress::parse(arguments.from);
  if (!action || !address) {
    std::cerr << (action ? "error: --from takes an IP address\n"
                         : "error: --action takes view, pull, push or delete\n");
    return 2;
  }
  if (!proxy::is_repository(arguments.name) || !proxy::is_tag(arguments.tag)) {
    std::cerr << "error: " << arguments.name << ":" << arguments.tag
              << " is no image: a name is lower-case letters, digits and single separators, as "
                 "team/telechat, and a tag has at most 128 letters, digits and ._-\n";
    return 2;
  }
  const auto config = load_config(globals);
  if (!config) return 3;
  const auto policy = acl::load(config->acl, wall_now());
  const auto htpasswd = auth::Htpasswd::load(config->htpasswd);
  print_problems(policy.errors, "error");
  print_problems(htpasswd.errors, "error");
  if (!policy.policy || !htpasswd.htpasswd) return 3;

  auto answer = ask(*policy.policy, {arguments.user, *address, wall_now()}, *action, arguments);
  if (answer.allowed && htpasswd.htpasswd->find(arguments.user) == nullptr) {
    answer = {false, "no line in htpasswd"};
  }
  std::cout << (answer.allowed ? "allowed" : "denied") << ": " << arguments.user << " "
            << arguments.action << " " << arguments.name << ":" << arguments.tag << ": "
            << answer.why << '\n';
  return answer.allowed ? 0 : 1;
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
