// Accounts: a line in htpasswd and an entry under `users`.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "config/config.h"
#include "manage/failure.h"

namespace layergate::manage {

struct NewAccount {
  std::string name;
  std::string password;
  std::vector<std::string> permissions;  // view, pull, push, delete, admin
  std::string email;
};

// Refuses a name that either file cannot hold, a weak password, an unknown permission, an account
// that is under `users` already, and any change while the policy does not load. Nothing is written
// before all of that. Of the two files the password's is first: an account without an entry under
// `users` can do nothing, and the same call completes it.
tl::expected<void, Failure> add_account(const config::Config& config, const NewAccount& account);

}  // namespace layergate::manage
