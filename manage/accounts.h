// Accounts: a line in htpasswd and an entry under `users`.
//
// Those that ops wrote into acl.yml are shown as all others, and their passwords may be changed;
// what the policy says of them is changed in that file only.
//
// Where a change needs both files, htpasswd is written first: without a line there nobody can log
// in, and a line without an entry can do nothing, so a crash in between opens nothing, and the same
// call completes it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "base/clock.h"
#include "config/config.h"
#include "manage/failure.h"
#include "manage/managed_policy.h"

namespace layergate::manage {

struct NewAccount {
  std::string name;
  std::string password;
  std::vector<std::string> permissions;  // view, pull, push, delete, admin
  std::string email;
  std::optional<WallTime> expires;
  std::vector<std::string> from;  // networks; empty: from anywhere
};

// What is nothing stays as it is.
struct AccountUpdate {
  std::optional<std::vector<std::string>> permissions;
  std::optional<std::string> email;  // empty: none
  std::optional<bool> enabled;
  std::optional<std::optional<WallTime>> expires;
  std::optional<std::vector<std::string>> from;  // empty: from anywhere

  [[nodiscard]] bool empty() const {
    return !permissions && !email && !enabled && !expires && !from;
  }
};

// Refuses a name that either file cannot hold, a weak password, an unknown permission, an account
// that exists, and any change while the policy does not load.
Done add_account(const config::Config& config, const NewAccount& account, const Terms& terms = {});
Done update_account(const config::Config& config, const std::string& name,
                    const AccountUpdate& update, const Terms& terms = {});
// With everything that managed.yml grants it, so that a later account of that name begins anew.
// Refused while another file names it.
Done remove_account(const config::Config& config, const std::string& name, const Terms& terms = {});
Done set_password(const config::Config& config, const std::string& name,
                  const std::string& password, const Terms& terms = {});

// Whether it is the account's present password: for who changes his own.
Done check_password(const config::Config& config, const std::string& name,
                    const std::string& password);

// The entry in the policy, or nullptr.
const acl::AccountDraft* find_account(const PolicyFiles& files, std::string_view name);
// "there is no account x; did you mean y?"
Failure no_account(const PolicyFiles& files, const std::string& name);

}  // namespace layergate::manage
