#include <iostream>
#include <memory>

#include "acl/loader.h"
#include "auth/htpasswd.h"
#include "cli/load_config.h"
#include "index/rights.h"
#include "index/store.h"
#include "oci/reference.h"

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

// What the proxy would say to the request by tag, whether or not the tag exists.
Answer ask(const acl::Policy& policy, const acl::Principal& who, acl::Action action,
           const Arguments& arguments, const index::Index& facts) {
  const index::Rights rights(facts, policy, who);
  const auto decision = rights.on_tag(action, arguments.name, arguments.tag);
  const bool changes = action == acl::Action::push || action == acl::Action::erase;
  if (decision.allowed && changes && policy.is_immutable(arguments.name, arguments.tag)) {
    const auto* in = facts.find_repository(arguments.name);
    if (in != nullptr && facts.find_tag(*in, arguments.tag) != nullptr) {
      return {false, "the tag exists and is immutable"};
    }
  }
  return {decision.allowed, decision.to_string()};
}

// What is known of the image's repository, if the proxy ever ran here.
void load_facts(const std::filesystem::path& state, const std::string& repository,
                index::Index& facts, std::vector<std::string>& covered) {
  const auto file = state / "index.db";
  std::error_code ignored;
  if (!std::filesystem::exists(file, ignored)) return;
  index::Store store(file, index::Store::Mode::read);
  store.load(facts, repository);
  covered = store.covered();
}

int check(const Globals& globals, const Arguments& arguments) {
  const auto action = acl::parse_action(arguments.action);
  const auto address = IpAddress::parse(arguments.from);
  if (!action || !address) {
    std::cerr << (action ? "error: --from takes an IP address\n"
                         : "error: --action takes view, pull, push or delete\n");
    return 2;
  }
  if (!oci::is_repository(arguments.name) || !oci::is_tag(arguments.tag)) {
    std::cerr << "error: " << arguments.name << ":" << arguments.tag
              << " is no image: a name is lower-case letters, digits and single separators, as "
                 "team/telechat, and a tag has at most 128 letters, digits and ._-\n";
    return 2;
  }
  const auto config = load_config(globals);
  if (!config) return 3;
  index::Index facts({config->index.grace, config->index.untagged});
  std::vector<std::string> covered;
  load_facts(config->state, arguments.name, facts, covered);
  const auto policy = acl::load(config->acl, wall_now(), covered);
  const auto htpasswd = auth::Htpasswd::load(config->htpasswd);
  print_problems(policy.errors, "error");
  print_problems(htpasswd.errors, "error");
  if (!policy.policy || !htpasswd.htpasswd) return 3;

  const acl::Principal who{arguments.user, *address, wall_now()};
  auto answer = ask(*policy.policy, who, *action, arguments, facts);
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
  add_grants(*access, globals, exit_code);
}

}  // namespace layergate::cli
