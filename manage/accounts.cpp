#include "manage/accounts.h"

#include <algorithm>
#include <set>
#include <utility>

#include "acl/names.h"
#include "auth/credential.h"
#include "auth/htpasswd.h"
#include "auth/htpasswd_file.h"
#include "auth/new_password.h"
#include "auth/password_hash.h"
#include "base/atomic_file.h"
#include "base/yaml_writer.h"
#include "manage/managed_tree.h"

namespace layergate::manage {
namespace {

using Kind = Failure::Kind;

Done check_name(const std::string& name) {
  if (auto fault = auth::user_name_problem(name); !fault.empty()) {
    return failed(Kind::usage, std::move(fault));
  }
  if (const auto fault = acl::fault_of_account_name(name); !fault.empty()) {
    return failed(Kind::usage, "the name of the account " + fault);
  }
  return {};
}

Done check_permissions(const std::vector<std::string>& permissions) {
  std::set<std::string> known{"admin"};
  for (const auto action : acl::kActions) known.emplace(acl::to_string(action));
  for (const auto& permission : permissions) {
    if (known.contains(permission)) continue;
    const auto meant = closest(permission, {known.begin(), known.end()});
    return failed(Kind::usage, "unknown permission " + permission +
                                   ": there are view, pull, push, delete and admin" +
                                   (meant.empty() ? "" : "; did you mean " + meant + "?"));
  }
  return {};
}

Done check_email(const std::string& email) {
  if (const auto fault = acl::fault_of_remark(email); !fault.empty()) {
    return failed(Kind::usage, "the email " + fault);
  }
  return {};
}

Done check_from(const std::vector<std::string>& from) {
  for (const auto& network : from) {
    if (!IpNetwork::parse(network)) {
      return failed(Kind::usage, "from: \"" + network +
                                     "\" is no address or network: write 192.0.2.7 or 10.0.0.0/8");
    }
  }
  return {};
}

Done check_expires(const std::optional<WallTime>& expires) {
  if (expires && *expires <= wall_now()) {
    return failed(Kind::usage, "expires has passed already; to close an account, disable it");
  }
  return {};
}

// The first that fails.
Done all_of(std::initializer_list<Done> checks) {
  for (const auto& check : checks) {
    if (!check) return check;
  }
  return {};
}

tl::expected<std::string, Failure> new_hash(const config::Config& config, const std::string& name,
                                            const std::string& password) {
  if (const auto good = auth::check_new_password(password, name); !good) {
    return failed(Kind::usage, good.error());
  }
  auto hash = auth::hash_new_password(password, config.passwords.bcrypt_cost);
  if (!hash) return failed(Kind::usage, hash.error());
  return *std::move(hash);
}

// An empty hash takes the line away.
Done write_line(const config::Config& config, const std::string& name, const std::string& hash) {
  if (const auto kept = keep_previous(config.htpasswd); !kept) {
    return failed(Kind::io, kept.error());
  }
  const auto written = hash.empty() ? auth::remove_user(config.htpasswd, name)
                                    : auth::set_user(config.htpasswd, name, hash);
  if (!written) return failed(Kind::io, written.error());
  return {};
}

bool has_line(const config::Config& config, const std::string& name) {
  const auto loaded = auth::Htpasswd::load(config.htpasswd);
  return loaded.htpasswd && loaded.htpasswd->find(name) != nullptr;
}

void set_or_drop(yaml::Node& entry, const std::string& key, std::optional<yaml::Node> value) {
  if (value) {
    yaml::child(entry, key) = *std::move(value);
  } else {
    std::erase_if(entry.entries, [&](const auto& field) { return field.key == key; });
  }
}

std::optional<yaml::Node> text_or_none(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional(yaml::scalar(text, true));
}
std::optional<yaml::Node> time_or_none(const std::optional<WallTime>& time) {
  return time ? std::optional(yaml::scalar(format_time(*time), true)) : std::nullopt;
}
std::optional<yaml::Node> list_or_none(const std::vector<std::string>& texts) {
  return texts.empty() ? std::nullopt : std::optional(yaml::list_of(texts));
}

std::vector<std::string> without_repeats(const std::vector<std::string>& words) {
  std::vector<std::string> once;
  for (const auto& word : words) {
    if (std::find(once.begin(), once.end(), word) == once.end()) once.push_back(word);
  }
  return once;
}

// Where files of ops name the account, "acl.yml:3, acl.yml:12".
std::string named_by_ops(const PolicyFiles& files, const std::string& name) {
  std::set<std::string> places;
  const auto look = [&](const std::vector<acl::Word>& words) {
    for (const auto& word : words) {
      if (word.text == name && !files.is_managed(word.place)) {
        places.insert(files.place(word.place));
      }
    }
  };
  for (const auto& group : files.draft->groups) look(group.members);
  for (const auto& rule : files.draft->rules) look(rule.who);
  std::string text;
  for (const auto& place : places) text += (text.empty() ? "" : ", ") + place;
  return text;
}

// The account, if managed.yml has it.
tl::expected<const acl::AccountDraft*, Failure> managed_account(const PolicyFiles& files,
                                                                const std::string& name) {
  const auto* account = find_account(files, name);
  if (account == nullptr) return tl::unexpected(no_account(files, name));
  if (!files.is_managed(account->name.place)) {
    return failed(Kind::conflict, "the account " + name + " stands in " +
                                      files.place(account->name.place) +
                                      ", which is changed by hand only");
  }
  return account;
}

Done change(const config::Config& config, const PolicyChange& policy_change, const Terms& terms) {
  const auto changed = change_managed_policy(config.acl, policy_change, terms);
  if (!changed) return tl::unexpected(changed.error());
  return {};
}

}  // namespace

const acl::AccountDraft* find_account(const PolicyFiles& files, std::string_view name) {
  const auto& accounts = files.draft->accounts;
  const auto found = std::find_if(accounts.begin(), accounts.end(),
                                  [&](const auto& account) { return account.name.text == name; });
  return found == accounts.end() ? nullptr : &*found;
}

Failure no_account(const PolicyFiles& files, const std::string& name) {
  const auto meant = closest(name, files.policy->accounts());
  return {Kind::not_found,
          "there is no account " + name + (meant.empty() ? "" : "; did you mean " + meant + "?")};
}

Done add_account(const config::Config& config, const NewAccount& account, const Terms& terms) {
  if (auto bad = all_of({check_name(account.name), check_email(account.email),
                         check_permissions(account.permissions), check_from(account.from),
                         check_expires(account.expires)});
      !bad) {
    return bad;
  }
  if (account.permissions.empty()) {
    return failed(Kind::usage, "permissions is missing: view, pull, push, delete, admin");
  }
  const auto hash = new_hash(config, account.name, account.password);
  if (!hash) return tl::unexpected(hash.error());

  PolicyChange policy_change;
  policy_change.edit = [&](yaml::Node& root, const PolicyFiles& present) -> Done {
    if (const auto* there = find_account(present, account.name)) {
      return failed(Kind::conflict,
                    "the account " + account.name + " exists already (" +
                        present.place(there->name.place) + ")" +
                        (has_line(config, account.name)
                             ? ""
                             : "; it has no password yet: layergate user passwd " + account.name));
    }
    auto& entry = yaml::child(yaml::child(root, "users"), account.name);
    yaml::child(entry, "permissions") = yaml::list_of(without_repeats(account.permissions));
    set_or_drop(entry, "email", text_or_none(account.email));
    set_or_drop(entry, "expires", time_or_none(account.expires));
    set_or_drop(entry, "from", list_or_none(account.from));
    yaml::child(entry, "since") = yaml::scalar(format_time(wall_now()), true);
    return {};
  };
  policy_change.before_write = [&] { return write_line(config, account.name, *hash); };
  return change(config, policy_change, terms);
}

Done update_account(const config::Config& config, const std::string& name,
                    const AccountUpdate& update, const Terms& terms) {
  if (update.empty()) {
    return failed(
        Kind::usage,
        "nothing to change: give permissions, email, expires or from (user enable and user disable "
        "close and open an account)");
  }
  if (auto bad = all_of({check_permissions(update.permissions.value_or(std::vector<std::string>())),
                         check_email(update.email.value_or("")),
                         check_from(update.from.value_or(std::vector<std::string>())),
                         check_expires(update.expires.value_or(std::nullopt))});
      !bad) {
    return bad;
  }
  PolicyChange policy_change;
  policy_change.edit = [&](yaml::Node& root, const PolicyFiles& present) -> Done {
    if (const auto account = managed_account(present, name); !account) {
      return tl::unexpected(account.error());
    }
    auto& entry = *find_account(root, name);
    if (update.permissions) {
      yaml::child(entry, "permissions") = yaml::list_of(without_repeats(*update.permissions));
    }
    if (update.email) set_or_drop(entry, "email", text_or_none(*update.email));
    if (update.enabled) {
      set_or_drop(entry, "enabled",
                  *update.enabled ? std::nullopt : std::optional(yaml::scalar("false")));
    }
    if (update.expires) set_or_drop(entry, "expires", time_or_none(*update.expires));
    if (update.from) set_or_drop(entry, "from", list_or_none(*update.from));
    return {};
  };
  return change(config, policy_change, terms);
}

Done remove_account(const config::Config& config, const std::string& name, const Terms& terms) {
  PolicyChange policy_change;
  policy_change.edit = [&](yaml::Node& root, const PolicyFiles& present) -> Done {
    if (find_account(present, name) == nullptr) {
      // What a removal left that was cut off.
      if (name.empty() || !has_line(config, name)) return tl::unexpected(no_account(present, name));
      return {};
    }
    if (const auto account = managed_account(present, name); !account) {
      return tl::unexpected(account.error());
    }
    if (const auto places = named_by_ops(present, name); !places.empty()) {
      return failed(Kind::conflict,
                    "the account " + name + " is named at " + places + ": take it out there first");
    }
    remove_account(root, name);
    return {};
  };
  policy_change.before_write = [&] { return write_line(config, name, ""); };
  return change(config, policy_change, terms);
}

Done set_password(const config::Config& config, const std::string& name,
                  const std::string& password, const Terms& terms) {
  const auto hash = new_hash(config, name, password);
  if (!hash) return tl::unexpected(hash.error());
  // Its age would begin anew.
  if (check_password(config, name, password)) {
    return failed(Kind::usage, "the password is the one that the account has: take another");
  }
  PolicyChange policy_change;
  policy_change.edit = [&](yaml::Node& /*root*/, const PolicyFiles& present) -> Done {
    if (find_account(present, name) == nullptr) return tl::unexpected(no_account(present, name));
    return {};
  };
  policy_change.before_write = [&] { return write_line(config, name, *hash); };
  return change(config, policy_change, terms);
}

Done check_password(const config::Config& config, const std::string& name,
                    const std::string& password) {
  const auto loaded = auth::Htpasswd::load(config.htpasswd);
  const auto* hash = loaded.htpasswd ? loaded.htpasswd->find(name) : nullptr;
  if (hash == nullptr || auth::verify_password(password, *hash) != auth::Match::yes) {
    return failed(Kind::denied, "the old password is not right");
  }
  return {};
}

}  // namespace layergate::manage
