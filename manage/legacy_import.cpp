#include "manage/legacy_import.h"

#include <algorithm>
#include <exception>
#include <optional>
#include <unordered_map>
#include <utility>

#include "auth/htpasswd.h"
#include "auth/htpasswd_file.h"
#include "base/atomic_file.h"
#include "base/yaml_writer.h"
#include "catalog/catalog.h"
#include "manage/legacy_files.h"
#include "manage/managed_tree.h"

namespace layergate::manage {
namespace {

using Kind = Failure::Kind;

constexpr std::size_t kMostTold = 100;

Failure told(Kind kind, const std::vector<std::string>& problems) {
  std::string text;
  for (std::size_t i = 0; i < problems.size() && i < kMostTold; ++i) {
    text += (i == 0 ? "" : "\n") + problems[i];
  }
  if (problems.size() > kMostTold) {
    text += "\nand " + std::to_string(problems.size() - kMostTold) + " more";
  }
  return {kind, std::move(text)};
}

// The permission admin holds the others, but they stand there all the same.
bool same_permissions(const acl::AccountDraft& account, const LegacyUser& user) {
  acl::ActionSet wanted;
  bool admin = false;
  for (const auto& word : user.permissions) {
    if (const auto action = acl::parse_action(word)) wanted.insert(*action);
    admin = admin || word == "admin";
  }
  return account.permissions == wanted && account.admin == admin;
}

// What has to be written, found out under the lock.
class Import {
 public:
  Import(const config::Config& config, const LegacyFiles& files, bool lenient)
      : config_(config), files_(files), lenient_(lenient) {
    imported_.notes = files.notes;
  }

  Done edit(yaml::Node& root, const PolicyFiles& present) {
    const auto passwords = auth::Htpasswd::load(config_.htpasswd).htpasswd;
    for (const auto& account : present.draft->accounts) accounts_[account.name.text] = &account;
    for (const auto& [name, user] : files_.users) {
      const auto there = accounts_.find(name);
      if (there == accounts_.end()) {
        new_hashes_.emplace(name, user.hash);
      } else {
        compare(present, *there->second, user, passwords.get());
      }
    }
    compare_images(present);
    if (!conflicts_.empty()) return tl::unexpected(told(Kind::conflict, conflicts_));
    write_accounts(root);
    add_registrations(root, new_images_);
    imported_.accounts = new_hashes_.size();
    imported_.images = new_images_.size();
    return {};
  }

  Done write_others() {
    if (!new_hashes_.empty()) {
      if (const auto kept = keep_previous(config_.htpasswd); !kept) {
        return failed(Kind::io, kept.error());
      }
      if (const auto set = auth::set_users(config_.htpasswd, new_hashes_); !set) {
        return failed(Kind::io, set.error());
      }
    }
    if (new_given_.empty()) return {};
    try {
      catalog::Catalog(config_.state).put_given(new_given_);
    } catch (const std::exception& error) {
      return failed(Kind::io, error.what());
    }
    return {};
  }

  Imported take() { return std::move(imported_); }

 private:
  void compare(const PolicyFiles& present, const acl::AccountDraft& account, const LegacyUser& user,
               const auth::Htpasswd* passwords) {
    const auto differs = [&](const std::string& what) {
      conflicts_.push_back("users.json: " + account.name.text + ": the account is there already (" +
                           present.place(account.name.place) + "), with " + what);
    };
    const auto* hash = passwords == nullptr ? nullptr : passwords->find(account.name.text);
    if (!same_permissions(account, user)) {
      differs("other permissions");
    } else if (account.email != user.email) {
      differs("another email");
    } else if (!account.enabled || account.expires || !account.from.empty()) {
      differs("a limit that the old files do not have");
    } else if (hash == nullptr) {
      differs("no password");
    } else if (*hash != user.hash) {
      differs("another password");
    } else {
      ++imported_.same_accounts;
    }
  }

  // Nothing if a user is unknown.
  std::optional<std::vector<std::string>> who_of(const std::string& where,
                                                 const LegacyImage& image) {
    if (image.allowed_users.empty()) return std::vector<std::string>{"*"};
    std::vector<std::string> who;
    bool all_known = true;
    for (const auto& user : image.allowed_users) {
      if (accounts_.contains(user) || files_.users.contains(user)) {
        who.push_back(user);
      } else if (lenient_) {
        imported_.notes.push_back(
            std::string(where).append(": there is no account ").append(user).append(": left out"));
      } else {
        conflicts_.push_back(
            std::string(where)
                .append(": allowed_users names ")
                .append(user)
                .append(", who is no account: take it out, or leave it aside with --lenient"));
        all_known = false;
      }
    }
    if (!all_known) return std::nullopt;
    return who;
  }

  void compare_images(const PolicyFiles& present) {
    const auto registrations = registrations_of(present);
    std::optional<catalog::Catalog> catalog;
    try {
      catalog = catalog::Catalog::open_existing(config_.state);
      for (const auto& [name, image] : files_.images) {
        const auto where = "images.json: " + name.first + ":" + name.second;
        auto who = who_of(where, image);
        if (!who) continue;
        const auto given = catalog ? catalog->given(name) : catalog::Given{};
        const auto there = registrations.find(name);
        if (there == registrations.end()) {
          new_images_.emplace(name, *std::move(who));
          new_given_.emplace(name, image.given);
        } else if (!std::is_permutation(who->begin(), who->end(), there->second.who.begin(),
                                        there->second.who.end())) {
          conflicts_.push_back(where + ": the image is registered already (" +
                               present.place(there->second.place) + "), for other users");
        } else if (given != image.given) {
          conflicts_.push_back(where +
                               ": the image is registered already, with another digest, "
                               "time or size");
        } else {
          ++imported_.same_images;
        }
      }
    } catch (const std::exception& error) {
      conflicts_.emplace_back(error.what());
    }
  }

  void write_accounts(yaml::Node& root) {
    if (new_hashes_.empty()) return;
    auto& users = yaml::child(root, "users");
    users.kind = yaml::Node::Kind::map;
    const auto now = format_time(wall_now());
    for (const auto& [name, hash] : new_hashes_) {
      const auto& user = files_.users.at(name);
      // Not yaml::child(), which would look through all of them for each.
      auto& entry = users.entries.emplace_back(yaml::Node::Entry{name, 0, 0, {}}).value;
      yaml::child(entry, "permissions") = yaml::list_of(user.permissions);
      if (!user.email.empty()) yaml::child(entry, "email") = yaml::scalar(user.email, true);
      yaml::child(entry, "since") = yaml::scalar(now, true);
    }
  }

  const config::Config& config_;
  const LegacyFiles& files_;
  const bool lenient_;
  Imported imported_;
  std::vector<std::string> conflicts_;
  std::unordered_map<std::string, const acl::AccountDraft*> accounts_;
  std::map<std::string, std::string> new_hashes_;  // by account
  std::map<ImageName, std::vector<std::string>> new_images_;
  std::map<ImageName, catalog::Given> new_given_;
};

}  // namespace

tl::expected<Imported, Failure> import_legacy(const config::Config& config,
                                              const std::filesystem::path& dir, bool lenient,
                                              const Terms& terms) {
  std::error_code error;
  if (!std::filesystem::is_directory(dir, error)) {
    return failed(Kind::io, dir.string() + " is no directory that can be read");
  }
  const auto files = read_legacy_files(dir, lenient);
  if (!files.problems.empty()) return tl::unexpected(told(Kind::usage, files.problems));
  Import import(config, files, lenient);
  PolicyChange change;
  change.edit = [&](yaml::Node& root, const PolicyFiles& present) {
    return import.edit(root, present);
  };
  change.before_write = [&] { return import.write_others(); };
  if (const auto done = change_managed_policy(config.acl, change, terms); !done) {
    return tl::unexpected(done.error());
  }
  return import.take();
}

}  // namespace layergate::manage
