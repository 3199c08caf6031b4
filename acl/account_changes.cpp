#include "acl/account_changes.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <string_view>

#include "acl/policy_impl.h"

namespace layergate::acl {
namespace {

// An account of one policy, as it is compared.
struct Words {
  std::string permissions, expires, from, enabled, groups, since;
};

template <typename Items>
std::string joined(const Items& items) {
  std::string out;
  for (const auto& item : items) out += (out.empty() ? "" : ", ") + item;
  return out;
}

std::map<std::string_view, Words> words_of(const Draft& draft) {
  std::map<std::string_view, Words> all;
  const auto groups = groups_of_accounts(draft);
  for (std::size_t i = 0; i < draft.accounts.size(); ++i) {
    const auto& account = draft.accounts[i];
    std::vector<std::string> from;
    for (const auto& network : account.from) from.push_back(network.to_string());
    all[account.name.text] = {permissions_of(account),
                              account.expires ? format_time(*account.expires) : "never",
                              from.empty() ? "anywhere" : joined(from),
                              account.enabled ? "yes" : "no",
                              groups[i].empty() ? "none" : joined(groups[i]),
                              account.since ? format_time(*account.since) : "unknown"};
  }
  return all;
}

std::vector<std::string> changes_between(const Words& before, const Words& after) {
  std::vector<std::string> changes;
  const auto compare = [&](const char* what, const std::string& was, const std::string& is) {
    if (was != is) changes.push_back(std::string(what) + ": " + was + " -> " + is);
  };
  compare("enabled", before.enabled, after.enabled);
  compare("permissions", before.permissions, after.permissions);
  compare("expires", before.expires, after.expires);
  compare("from", before.from, after.from);
  compare("groups", before.groups, after.groups);
  compare("since", before.since, after.since);
  return changes;
}

}  // namespace

std::string permissions_of(const AccountDraft& account) {
  std::vector<std::string> words;
  for (const Action action : kActions) {
    if (account.permissions.contains(action)) words.emplace_back(to_string(action));
  }
  if (account.admin) words.emplace_back("admin");
  return words.empty() ? "none" : joined(words);
}

std::vector<std::vector<std::string>> groups_of_accounts(const Draft& draft) {
  std::vector<std::vector<std::string>> groups(draft.accounts.size());
  for (const auto& group : draft.groups) {
    for (const Subject member : group.accounts) {
      groups[member - kFirstAccount].push_back(group.name.text);
    }
  }
  for (auto& each : groups) std::sort(each.begin(), each.end());
  return groups;
}

std::vector<AccountChange> account_changes(const Draft& before, const Draft& after) {
  const auto old_words = words_of(before);
  const auto new_words = words_of(after);
  std::map<std::string_view, std::vector<std::string>> changes;
  for (const auto& [name, words] : old_words) {
    const auto now = new_words.find(name);
    auto found = now == new_words.end() ? std::vector<std::string>{"removed"}
                                        : changes_between(words, now->second);
    if (!found.empty()) changes[name] = std::move(found);
  }
  for (const auto& [name, words] : new_words) {
    if (old_words.contains(name)) continue;
    changes[name] = {"added, permissions: " + words.permissions};
  }
  std::vector<AccountChange> all;
  all.reserve(changes.size());
  for (auto& [name, found] : changes) all.push_back({std::string(name), std::move(found)});
  return all;
}

std::vector<std::string> setting_changes(const Draft& before, const Draft& after) {
  std::vector<std::string> changes;
  if (before.push_unregistered != after.push_unregistered) {
    changes.emplace_back(after.push_unregistered ? "unregistered: deny -> push"
                                                 : "unregistered: push -> deny");
  }
  const auto patterns_of = [](const Draft& draft) {
    std::set<std::string> patterns;
    for (const auto& pattern : draft.immutable) patterns.insert(pattern.to_string());
    return patterns;
  };
  const auto was = patterns_of(before);
  const auto is = patterns_of(after);
  for (const auto& pattern : was) {
    if (!is.contains(pattern)) changes.push_back("immutable: no more " + pattern);
  }
  for (const auto& pattern : is) {
    if (!was.contains(pattern)) changes.push_back("immutable: now " + pattern);
  }
  return changes;
}

}  // namespace layergate::acl
