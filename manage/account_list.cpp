#include "manage/account_list.h"

#include <algorithm>
#include <exception>
#include <map>
#include <system_error>

#include "auth/htpasswd.h"
#include "auth/password_ages.h"
#include "manage/accounts.h"

namespace layergate::manage {
namespace {

struct Passwords {
  std::shared_ptr<const auth::Htpasswd> file;
  auth::PasswordTimes times;
};

tl::expected<Passwords, Failure> read_passwords(const config::Config& config) {
  std::error_code ignored;
  if (!std::filesystem::exists(config.htpasswd, ignored)) {
    return Passwords{auth::Htpasswd::parse("", "").htpasswd, {}};
  }
  auto loaded = auth::Htpasswd::load(config.htpasswd);
  if (!loaded.htpasswd) {
    return failed(Failure::Kind::invalid, loaded.errors.front().to_string());
  }
  Passwords passwords{std::move(loaded.htpasswd), {}};
  try {
    passwords.times = auth::PasswordAges(config.state).note(*passwords.file, wall_now());
  } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch)
    // Who may read the files and not write to `state` sees everything but the ages.
  }
  return passwords;
}

std::string fault_of(const Account& account, const config::Config& config) {
  if (!account.has_password) return "no password";
  if (!account.enabled) return "disabled";
  if (account.expires && *account.expires <= wall_now()) return "expired";
  if (account.password_is_old && config.passwords.expired == config::ExpiredPassword::refuse) {
    return "its password is too old";
  }
  return "";
}

Account account_of(const acl::AccountDraft& draft, const PolicyFiles& files) {
  Account account;
  account.name = draft.name.text;
  for (const auto action : acl::kActions) {
    if (draft.permissions.contains(action)) account.permissions.emplace_back(to_string(action));
  }
  if (draft.admin) account.permissions.emplace_back("admin");
  account.email = draft.email;
  account.enabled = draft.enabled;
  account.expires = draft.expires;
  account.since = draft.since;
  for (const auto& network : draft.from) account.from.push_back(network.to_string());
  account.place = files.place(draft.name.place);
  account.managed = files.is_managed(draft.name.place);
  return account;
}

}  // namespace

tl::expected<std::vector<Account>, Failure> list_accounts(const config::Config& config,
                                                          const PolicyFiles& files) {
  const auto passwords = read_passwords(config);
  if (!passwords) return tl::unexpected(passwords.error());
  const auto old = auth::old_passwords(passwords->times, config.passwords.max_age, wall_now());
  std::map<std::string, std::vector<std::string>> groups;
  for (const auto& group : files.draft->groups) {
    for (const auto& member : group.members) groups[member.text].push_back(group.name.text);
  }
  std::vector<Account> accounts;
  accounts.reserve(files.draft->accounts.size());
  for (const auto& draft : files.draft->accounts) {
    auto account = account_of(draft, files);
    account.groups = groups[account.name];
    account.has_password = passwords->file->find(account.name) != nullptr;
    if (const auto since = passwords->times.find(account.name); since != passwords->times.end()) {
      account.password_set = since->second;
    }
    account.password_is_old =
        std::binary_search(old.accounts.begin(), old.accounts.end(), account.name);
    account.fault = fault_of(account, config);
    accounts.push_back(std::move(account));
  }
  std::sort(accounts.begin(), accounts.end(),
            [](const Account& a, const Account& b) { return a.name < b.name; });
  return accounts;
}

tl::expected<std::vector<Account>, Failure> list_accounts(const config::Config& config) {
  const auto files = read_policy_files(config.acl);
  if (!files) return tl::unexpected(files.error());
  return list_accounts(config, *files);
}

tl::expected<Account, Failure> show_account(const config::Config& config, const std::string& name) {
  const auto files = read_policy_files(config.acl);
  if (!files) return tl::unexpected(files.error());
  const auto accounts = list_accounts(config, *files);
  if (!accounts) return tl::unexpected(accounts.error());
  const auto found = std::lower_bound(
      accounts->begin(), accounts->end(), name,
      [](const Account& account, const std::string& wanted) { return account.name < wanted; });
  if (found == accounts->end() || found->name != name) {
    return tl::unexpected(no_account(*files, name));
  }
  return *found;
}

}  // namespace layergate::manage
