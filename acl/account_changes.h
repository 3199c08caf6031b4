// What differs between two policies beside their rules, in words for people.
#pragma once

#include <string>
#include <vector>

#include "acl/draft.h"

namespace layergate::acl {

struct AccountChange {
  std::string user;
  std::vector<std::string> changes;  // "permissions: view, pull -> view", "disabled", "removed"
};

// In the order of the names.
std::vector<AccountChange> account_changes(const Draft& before, const Draft& after);

// "unregistered: deny -> push", "immutable: no more release/**:*"
std::vector<std::string> setting_changes(const Draft& before, const Draft& after);

// "view, pull, admin"; "none"
std::string permissions_of(const AccountDraft& account);
// The groups of each account that is in one, sorted.
std::vector<std::vector<std::string>> groups_of_accounts(const Draft& draft);

}  // namespace layergate::acl
