#include "acl/compiler.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>

#include "acl/names.h"
#include "acl/policy_impl.h"

namespace layergate::acl {
namespace {

template <typename T>
Slice append(std::vector<T>& all, const std::vector<T>& part) {
  const Slice slice{static_cast<std::uint32_t>(all.size()),
                    static_cast<std::uint32_t>(part.size())};
  all.insert(all.end(), part.begin(), part.end());
  return slice;
}

RuleIndex build_index(const Draft& draft) {
  RuleIndexBuilder builder;
  for (std::size_t i = 0; i < draft.rules.size(); ++i) {
    const RuleDraft& rule = draft.rules[i];
    const RuleIndexBuilder::Rule described{static_cast<RuleNumber>(i), rule.actions, rule.deny,
                                           rule.expires.has_value() || !rule.from.empty()};
    for (const Pattern& pattern : rule.images) builder.add(described, pattern, rule.subjects);
  }
  const Subject immutable[] = {kImmutable};
  for (const Pattern& pattern : draft.immutable) {
    builder.add({0, ActionSet::all(), true, false}, pattern, immutable);
  }
  if (draft.push_unregistered) {
    const Subject covered[] = {kCovered};
    const RuleIndexBuilder::Rule any{0, ActionSet::all(), false, false};
    for (const RuleDraft& rule : draft.rules) {
      if (rule.deny) continue;
      for (const Pattern& pattern : rule.images) builder.add(any, pattern, covered);
    }
    for (const Pattern& pattern : draft.once_covered) builder.add(any, pattern, covered);
  }
  return builder.build();
}

void add_rules(const Draft& draft, Policy::Impl& policy) {
  std::vector<std::string_view> files;
  files.reserve(draft.sources.size());
  for (const auto& name : draft.sources) files.push_back(policy.texts.keep(name));

  policy.origins.reserve(draft.rules.size());
  policy.conditions.reserve(draft.rules.size());
  for (const RuleDraft& rule : draft.rules) {
    policy.origins.push_back({policy.texts.keep(rule.name), files[rule.place.source],
                              rule.place.line, policy.texts.keep(rule.reason)});
    policy.conditions.push_back(
        {rule.expires.value_or(kNever), append(policy.networks, rule.from)});
  }
}

void set_name(std::string_view name, Account& account, std::string& long_names) {
  static_assert(kLongestAccountName <= 255, "a byte holds the length");
  account.name_size = static_cast<std::uint8_t>(name.size());
  if (name.size() <= Account::kShortName) {
    std::copy(name.begin(), name.end(), account.name.begin());
    return;
  }
  const auto place = static_cast<std::uint32_t>(long_names.size());
  std::memcpy(account.name.data(), &place, sizeof place);
  long_names += name;
}

void set_subjects(const std::vector<Subject>& subjects, Account& account,
                  std::vector<Subject>& all) {
  if (subjects.size() <= Account::kFewSubjects) {
    std::copy(subjects.begin(), subjects.end(), account.subjects.begin());
    account.subject_count = static_cast<std::uint32_t>(subjects.size());
  } else {
    const auto [first, count] = append(all, subjects);
    account.subjects[0] = first;
    account.subject_count = count;
  }
}

void add_accounts(const Draft& draft, Policy::Impl& policy) {
  const auto group_base = kFirstAccount + static_cast<Subject>(draft.accounts.size());
  std::vector<std::vector<Subject>> subjects_of(draft.accounts.size());
  std::vector<bool> is_named(group_base + draft.groups.size());
  for (const RuleDraft& rule : draft.rules) {
    for (const Subject subject : rule.subjects) is_named[subject] = true;
  }
  const auto add = [&](std::size_t account, Subject subject) {
    if (is_named[subject]) subjects_of[account].push_back(subject);
  };
  for (std::size_t i = 0; i < draft.accounts.size(); ++i) {
    add(i, kFirstAccount + static_cast<Subject>(i));
    add(i, kEveryone);
  }
  for (std::size_t i = 0; i < draft.groups.size(); ++i) {
    for (const Subject account : draft.groups[i].accounts) {
      add(account - kFirstAccount, group_base + static_cast<Subject>(i));
    }
  }

  policy.accounts.reserve(draft.accounts.size());
  for (std::size_t i = 0; i < draft.accounts.size(); ++i) {
    const AccountDraft& account = draft.accounts[i];
    Account& made = policy.accounts.emplace_back();
    made.expires = account.expires.value_or(kNever);
    made.from = append(policy.networks, account.from);
    made.permissions = account.permissions;
    made.admin = account.admin;
    made.enabled = account.enabled;
    set_name(account.name.text, made, policy.long_names);
    set_subjects(subjects_of[i], made, policy.subjects);
    policy.since.push_back(account.since.value_or(WallTime{}));
  }
  for (std::uint32_t id = 0; id < policy.accounts.size(); ++id) {
    const auto hash = [&](std::uint32_t i) {
      return Policy::Impl::hash_of(policy.name_of(policy.accounts[i]));
    };
    policy.account_table.insert(hash(id), id, hash);
  }
}

}  // namespace

Compilation compile(const Draft& draft) {
  auto policy = std::make_unique<Policy::Impl>();
  policy->index = build_index(draft);
  policy->push_unregistered = draft.push_unregistered;
  add_rules(draft, *policy);
  add_accounts(draft, *policy);
  policy->networks.shrink_to_fit();
  policy->subjects.shrink_to_fit();
  const auto* const parts = policy.get();
  return {std::make_shared<const Policy>(std::move(policy)), parts};
}

}  // namespace layergate::acl
