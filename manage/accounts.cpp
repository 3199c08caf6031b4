#include "manage/accounts.h"

#include <algorithm>
#include <utility>

#include "acl/loader.h"
#include "auth/htpasswd_file.h"
#include "auth/new_password.h"
#include "base/yaml_writer.h"
#include "manage/managed_policy.h"

namespace layergate::manage {
namespace {

using Failed = tl::unexpected<Failure>;

bool is_account(const config::Config& config, const std::string& name) {
  const auto loaded = acl::load(config.acl, wall_now());
  if (!loaded.policy) return false;  // the change itself will say what is wrong
  const auto accounts = loaded.policy->accounts();
  return std::find(accounts.begin(), accounts.end(), name) != accounts.end();
}

}  // namespace

tl::expected<void, Failure> add_account(const config::Config& config, const NewAccount& account) {
  if (account.permissions.empty()) {
    return Failed(
        {Failure::Kind::usage, "--permissions is missing: view, pull, push, delete, admin"});
  }
  for (const auto& permission : account.permissions) {
    if (permission != "admin" && !acl::parse_action(permission)) {
      return Failed({Failure::Kind::usage, "unknown permission " + permission +
                                               ": there are view, pull, push, delete and admin"});
    }
  }
  if (is_account(config, account.name)) {
    return Failed({Failure::Kind::usage, "the account " + account.name + " exists already"});
  }
  if (const auto good = auth::check_new_password(account.password, account.name); !good) {
    return Failed({Failure::Kind::usage, good.error()});
  }
  const auto hash = auth::hash_new_password(account.password);
  if (!hash) return Failed({Failure::Kind::usage, hash.error()});

  return change_managed_policy(config.acl, [&](yaml::Node& root) -> std::optional<Failure> {
    auto& users = yaml::child(root, "users");
    if (users.find(account.name) != nullptr) {
      return Failure{Failure::Kind::usage, "the account " + account.name + " exists already"};
    }
    auto& entry = yaml::child(users, account.name);
    auto& permissions = yaml::child(entry, "permissions");
    permissions = yaml::list_of(account.permissions);
    if (!account.email.empty()) yaml::child(entry, "email") = yaml::scalar(account.email, true);
    if (auto set = auth::set_user(config.htpasswd, account.name, *hash); !set) {
      return Failure{Failure::Kind::io, set.error()};
    }
    return std::nullopt;
  });
}

}  // namespace layergate::manage
