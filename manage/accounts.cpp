#include "manage/accounts.h"

#include <algorithm>
#include <utility>

#include "acl/names.h"
#include "acl/policy.h"
#include "auth/credential.h"
#include "auth/htpasswd_file.h"
#include "auth/new_password.h"
#include "base/yaml_writer.h"
#include "manage/managed_policy.h"

namespace layergate::manage {
namespace {

using Failed = tl::unexpected<Failure>;

Failure usage(std::string what) { return {Failure::Kind::usage, std::move(what)}; }

std::optional<Failure> fault_of(const NewAccount& account) {
  if (auto fault = auth::user_name_problem(account.name); !fault.empty()) return usage(fault);
  if (const auto fault = acl::fault_of_account_name(account.name); !fault.empty()) {
    return usage("the name of the account " + fault);
  }
  if (const auto fault = acl::fault_of_remark(account.email); !fault.empty()) {
    return usage("--email " + fault);
  }
  if (account.permissions.empty()) {
    return usage("--permissions is missing: view, pull, push, delete, admin");
  }
  for (const auto& permission : account.permissions) {
    if (permission != "admin" && !acl::parse_action(permission)) {
      return usage("unknown permission " + permission +
                   ": there are view, pull, push, delete and admin");
    }
  }
  if (const auto good = auth::check_new_password(account.password, account.name); !good) {
    return usage(good.error());
  }
  return std::nullopt;
}

}  // namespace

tl::expected<void, Failure> add_account(const config::Config& config, const NewAccount& account) {
  if (auto fault = fault_of(account)) return Failed(*std::move(fault));
  const auto hash = auth::hash_new_password(account.password);
  if (!hash) return Failed(usage(hash.error()));

  return change_managed_policy(
      config.acl,
      [&](yaml::Node& root, const acl::Policy& present) -> std::optional<Failure> {
        const auto accounts = present.accounts();
        if (std::binary_search(accounts.begin(), accounts.end(), account.name)) {
          return usage("the account " + account.name + " exists already");
        }
        auto& entry = yaml::child(yaml::child(root, "users"), account.name);
        yaml::child(entry, "permissions") = yaml::list_of(account.permissions);
        if (!account.email.empty()) yaml::child(entry, "email") = yaml::scalar(account.email, true);
        return std::nullopt;
      },
      [&]() -> std::optional<Failure> {
        if (auto set = auth::set_user(config.htpasswd, account.name, *hash); !set) {
          return Failure{Failure::Kind::io, set.error()};
        }
        return std::nullopt;
      });
}

}  // namespace layergate::manage
