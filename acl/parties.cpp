#include "acl/parties.h"

#include <algorithm>
#include <string>
#include <unordered_map>

#include "acl/account_changes.h"
#include "acl/policy_impl.h"
#include "acl/standing.h"

namespace layergate::acl {
namespace {

// All that decides about an account but its groups and the rules.
std::string profile(const AccountDraft* account, WallTime now) {
  if (account == nullptr) return "none";  // as one without permissions
  std::string text = permissions_of(*account) + (account->enabled ? "" : " disabled") +
                     (account->expires && now >= *account->expires ? " expired" : "");
  for (const auto& network : account->from) text += " " + network.to_string();
  return text;
}

// Numbers the names of both from first on, in their order.
template <typename Things>
std::unordered_map<std::string_view, Party> numbered(const std::array<const Things*, 2>& things,
                                                     Party first,
                                                     std::vector<std::string_view>& names) {
  for (const auto* some : things) {
    for (const auto& thing : *some) names.push_back(thing.name.text);
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  std::unordered_map<std::string_view, Party> numbers;
  for (const auto name : names) numbers.emplace(name, first++);
  return numbers;
}

}  // namespace

Parties::Parties(const Draft& before, const Draft& after, WallTime now) {
  const Drafts drafts = {&before, &after};
  number_parties(drafts);
  sort_users(drafts, now);
  mark_touched();
}

void Parties::number_parties(const Drafts& drafts) {
  std::vector<std::string_view> names;
  const auto groups = numbered<std::vector<GroupDraft>>({&drafts[0]->groups, &drafts[1]->groups},
                                                        first_user_, names);
  first_user_ += static_cast<Party>(names.size());
  const auto users = numbered<std::vector<AccountDraft>>(
      {&drafts[0]->accounts, &drafts[1]->accounts}, first_user_, users_);
  for (std::size_t side = 0; side < 2; ++side) {
    auto& parties = parties_[side];
    parties.assign(kFirstAccount, kAll);
    for (const auto& account : drafts[side]->accounts) {
      parties.push_back(users.at(account.name.text));
    }
    for (const auto& group : drafts[side]->groups) parties.push_back(groups.at(group.name.text));
  }
}

void Parties::sort_users(const Drafts& drafts, WallTime now) {
  struct Standpoint {
    const AccountDraft* draft = nullptr;
    std::vector<Party> means = {kAll};
  };
  std::array<std::vector<Standpoint>, 2> accounts;
  for (std::size_t side = 0; side < 2; ++side) {
    accounts[side].resize(users_.size());
    const auto subjects = subjects_of_accounts(*drafts[side]);
    for (std::size_t i = 0; i < subjects.size(); ++i) {
      const auto user = of(side, kFirstAccount + static_cast<Subject>(i));
      auto& account = accounts[side][user - first_user_];
      account.draft = &drafts[side]->accounts[i];
      for (const Subject subject : subjects[i]) {
        const Party party = of(side, subject);
        if (party != kAll && !is_user(party)) account.means.push_back(party);
      }
      std::sort(account.means.begin(), account.means.end());
    }
  }

  std::unordered_map<std::string, std::uint32_t> kinds;
  std::unordered_map<std::string, std::uint32_t> classes;
  for (std::size_t i = 0; i < users_.size(); ++i) {
    const auto& was = accounts[0][i];
    const auto& is = accounts[1][i];
    const auto profile_before = profile(was.draft, now);
    const auto profile_after = profile(is.draft, now);
    auto key = profile_before;
    key.append("\r").append(profile_after);
    const auto kind =
        kinds.try_emplace(key, static_cast<std::uint32_t>(kinds_.size())).first->second;
    if (kind == kinds_.size()) kinds_.emplace_back();
    for (const auto* account : {&was, &is}) {
      key += "\r";
      for (const Party party : account->means) key.append(std::to_string(party)).append(" ");
    }
    const auto number =
        classes.try_emplace(std::move(key), static_cast<std::uint32_t>(classes_.size()))
            .first->second;
    if (number == classes_.size()) {
      const bool touched = profile_before != profile_after || was.means != is.means;
      classes_.push_back({{}, {was.means, is.means}, {was.draft, is.draft}, kind, touched});
      kinds_[kind].classes.push_back(number);
      kinds_[kind].touched = kinds_[kind].touched || touched;
    }
    classes_[number].members.push_back(first_user_ + static_cast<Party>(i));
    class_of_.push_back(number);
  }
}

void Parties::mark_touched() {
  touched_.resize(count());
  classes_in_.resize(first_user_);
  for (std::uint32_t number = 0; number < classes_.size(); ++number) {
    const auto& each = classes_[number];
    for (const auto& means : each.means) {
      for (const Party party : means) {
        auto& classes = classes_in_[party];
        if (classes.empty() || classes.back() != number) classes.push_back(number);
        touched_[party] = touched_[party] || each.touched;
      }
    }
    for (const Party user : each.members) touched_[user] = each.touched;
  }
}

}  // namespace layergate::acl
