#include "manage/legacy_export.h"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <set>
#include <system_error>
#include <utility>

#include <nlohmann/json.hpp>

#include "auth/htpasswd.h"
#include "base/atomic_file.h"
#include "manage/account_list.h"
#include "manage/image_list.h"

namespace layergate::manage {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
using Kind = Failure::Kind;

struct Texts {
  Json::object_t users;  // filled behind its end: `map[key]` would look through all of it
  Json::object_t images;
  std::string passwords;
  std::set<std::string> accounts;  // the keys of `users`
};

void add_accounts(const std::vector<Account>& accounts, const auth::Htpasswd& passwords,
                  Texts& texts, Exported& exported) {
  for (const auto& account : accounts) {
    const auto* hash = passwords.find(account.name);
    std::string why;
    if (hash == nullptr) why = "has no password";
    if (!account.enabled) why = "is disabled";
    if (account.expires) why = "ends";
    if (!account.from.empty()) why = "may come from some addresses only";
    if (!why.empty()) {
      exported.notes.push_back("the account " + account.name + " " + why + ": left out");
      continue;
    }
    const Json entry = {{"username", account.name},
                        {"password_hash", "htpasswd"},
                        {"permissions", account.permissions},
                        {"email", account.email}};
    texts.users.emplace_back(account.name, entry);
    texts.accounts.insert(account.name);
    texts.passwords += account.name + ":" + *hash + "\n";
    ++exported.accounts;
  }
}

// Those whom `who` names, and who are exported; everybody is nothing.
std::optional<std::vector<std::string>> allowed_users(const std::vector<std::string>& who,
                                                      const acl::Draft& draft,
                                                      const std::set<std::string>& accounts) {
  std::set<std::string> names;
  for (const auto& word : who) {
    if (word == "*") return std::nullopt;
    if (!word.starts_with("@")) names.insert(word);
    for (const auto& group : draft.groups) {
      if (word != "@" + group.name.text) continue;
      for (const auto& member : group.members) names.insert(member.text);
    }
  }
  std::vector<std::string> exported;
  std::copy_if(names.begin(), names.end(), std::back_inserter(exported),
               [&](const std::string& name) { return accounts.contains(name); });
  return exported;
}

void add_images(const std::vector<Image>& images, const acl::Draft& draft, Texts& texts,
                Exported& exported) {
  for (const auto& image : images) {
    const auto key = image.name.first + ":" + image.name.second;
    const auto users = allowed_users(image.registration->who, draft, texts.accounts);
    if (users && users->empty()) {
      exported.notes.push_back(
          "the image " + key +
          " is allowed to none of these accounts, and an empty list would mean "
          "everybody: left out");
      continue;
    }
    const Json entry = {{"name", image.name.first},
                        {"tag", image.name.second},
                        {"digest", image.digest},
                        {"created", image.created},
                        {"size", image.size.value_or(0)},
                        {"allowed_users", users.value_or(std::vector<std::string>())}};
    texts.images.emplace_back(key, entry);
    ++exported.images;
  }
}

void note_rules(const PolicyFiles& files, std::size_t registrations, Exported& exported) {
  const auto& rules = files.draft->rules;
  const auto denies = std::count_if(rules.begin(), rules.end(),
                                    [](const acl::RuleDraft& rule) { return rule.deny; });
  if (rules.size() <= registrations) return;
  exported.notes.push_back(std::to_string(rules.size() - registrations) + " rules of the policy, " +
                           std::to_string(denies) +
                           " of them denies, cannot be said in the old files: what they allow or "
                           "close is lost there");
}

Done write(const fs::path& dir, const Texts& texts, bool force) {
  const std::array<std::pair<fs::path, std::string>, 3> files{
      {{dir / "auth/htpasswd", texts.passwords},
       {dir / "users.json", Json(texts.users).dump(2) + "\n"},
       {dir / "images.json", Json(texts.images).dump(2) + "\n"}}};
  std::error_code error;
  for (const auto& [file, text] : files) {
    if (!force && fs::exists(file, error)) {
      return failed(Kind::conflict, file.string() + " is there already; --force replaces it");
    }
  }
  fs::create_directories(dir / "auth", error);
  if (error) return failed(Kind::io, dir.string() + ": cannot be made: " + error.message());
  for (const auto& [file, text] : files) {
    if (const auto written = write_file_atomically(file, text); !written) {
      return failed(Kind::io, written.error());
    }
  }
  return {};
}

}  // namespace

tl::expected<Exported, Failure> export_legacy(const config::Config& config, const fs::path& dir,
                                              bool force) {
  const auto live = Live::from_files(config);
  if (!live) return tl::unexpected(live.error());
  const auto files = read_policy_files(config.acl);
  if (!files) return tl::unexpected(files.error());
  const auto accounts = list_accounts(config, *files);
  if (!accounts) return tl::unexpected(accounts.error());
  const auto passwords = auth::Htpasswd::load(config.htpasswd);
  if (!passwords.htpasswd) {
    return failed(Kind::invalid, passwords.errors.front().to_string());
  }
  ImageQuery query;
  query.registered_only = true;
  query.limit = std::numeric_limits<std::size_t>::max();
  const auto page = list_images(config, *files, *live, query);

  Exported exported;
  Texts texts;
  add_accounts(*accounts, *passwords.htpasswd, texts, exported);
  add_images(page.images, *files->draft, texts, exported);
  note_rules(*files, page.images.size(), exported);
  if (auto written = write(dir, texts, force); !written) return tl::unexpected(written.error());
  return exported;
}

}  // namespace layergate::manage
