// Accounts as they are shown: what the policy says of each, and how old its password is.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "acl/action.h"
#include "base/clock.h"
#include "config/config.h"
#include "manage/failure.h"
#include "manage/managed_policy.h"

namespace layergate::manage {

struct Account {
  std::string name;
  std::vector<std::string> permissions;
  std::string email;
  bool enabled = true;
  std::optional<WallTime> expires;
  std::vector<std::string> from;
  std::optional<WallTime> since;  // when it was made, as far as the policy says
  std::vector<std::string> groups;
  std::string place;     // "acl.yml:5"
  bool managed = false;  // whether `user update` and `user remove` may change it
  bool has_password = false;
  std::optional<WallTime> password_set;
  bool password_is_old = false;  // older than auth.password_max_age
  // Why it cannot be used now, from wherever: "no password", "disabled", "expired", "its password
  // is too old". Empty: it can.
  std::string fault;
};

// Sorted by name.
tl::expected<std::vector<Account>, Failure> list_accounts(const config::Config& config);
tl::expected<std::vector<Account>, Failure> list_accounts(const config::Config& config,
                                                          const PolicyFiles& files);
tl::expected<Account, Failure> show_account(const config::Config& config, const std::string& name);

}  // namespace layergate::manage
