#include <algorithm>
#include <iostream>

#include "acl/loader.h"
#include "auth/htpasswd.h"
#include "cli/load_config.h"
#include "storage/storage.h"

namespace layergate::cli {
namespace {

// Accounts of which one half is missing can do nothing: likely not what was meant.
void print_halves(const std::vector<std::string>& users, const std::vector<std::string>& accounts) {
  for (const auto& account : accounts) {
    if (!std::binary_search(users.begin(), users.end(), account)) {
      std::cerr << "warning: " << account << " is under users: but has no line in htpasswd\n";
    }
  }
  for (const auto& user : users) {
    if (!std::binary_search(accounts.begin(), accounts.end(), user)) {
      std::cerr << "warning: " << user << " has a line in htpasswd but is not under users:\n";
    }
  }
}

int check(const Globals& globals) {
  const auto config = load_config(globals);
  if (!config) return 3;
  const auto storage = storage::check(config->upstream.storage);
  if (storage) print_problems({*storage}, "error");
  const auto policy = acl::load(config->acl, wall_now());
  print_problems(policy.warnings, "warning");
  print_problems(policy.errors, "error");
  const auto htpasswd = auth::Htpasswd::load(config->htpasswd);
  print_problems(htpasswd.warnings, "warning");
  print_problems(htpasswd.errors, "error");
  if (storage || !policy.policy || !htpasswd.htpasswd) return 3;

  const auto accounts = policy.policy->accounts();
  print_halves(htpasswd.htpasswd->users(), accounts);
  std::cout << "ok: " << policy.policy->rule_count() << " rules, " << accounts.size()
            << " accounts\n";
  return 0;
}

}  // namespace

void add_check(CLI::App& app, const Globals& globals, int& exit_code) {
  auto* verb = app.add_subcommand(
      "check", "Test the configuration, the policy and the password file; touches nothing");
  verb->callback([&] { exit_code = check(globals); });
}

}  // namespace layergate::cli
