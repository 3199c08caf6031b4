#include "acl/standing.h"

#include <algorithm>

#include "acl/policy_impl.h"

namespace layergate::acl {
namespace {

AddressSet where(const std::vector<IpNetwork>& from) {
  return from.empty() ? AddressSet::all() : AddressSet::of(from);
}

}  // namespace

std::string Standing::to_string(const Draft& draft) const {
  const auto origin = rule ? draft.origin(*rule) : RuleOrigin{};
  return Decision{allowed(), reason, rule ? &origin : nullptr}.to_string();
}

void Says::Side::add(const AddressSet& others, RuleNumber rule) {
  if (from.empty()) {
    from = others;
  } else if (!from.is_all()) {
    from.insert(others);
  }
  first = first ? std::min(*first, rule) : rule;
}

void Says::add(const RuleDraft& rule, RuleNumber number) {
  add(rule.deny, where(rule.from), number);
}

void Says::add(bool deny, const AddressSet& from, RuleNumber number) {
  (deny ? deny_ : allow_).add(from, number);
}

void Says::add(const Says& others) {
  if (others.allow_.first) allow_.add(others.allow_.from, *others.allow_.first);
  if (others.deny_.first) deny_.add(others.deny_.from, *others.deny_.first);
}

Standing Says::to(const AccountDraft& account, Action action, WallTime now) const {
  const auto denied = [](Reason reason) { return Standing{{}, reason, std::nullopt}; };
  if (!account.enabled) return denied(Reason::disabled);
  if (account.expires && now >= *account.expires) return denied(Reason::expired);
  if (!account.admin && !account.permissions.contains(action)) return denied(Reason::permission);
  Standing standing{where(account.from), Reason::admin, std::nullopt};
  if (!account.admin) {
    standing.reason = Reason::rule;
    standing.rule = allow_.first;
    standing.from.intersect(allow_.from);
  }
  const bool is_open = standing.allowed();
  if (deny_.first) standing.from.subtract(deny_.from);
  if (standing.allowed()) return standing;
  // A deny is named if it closes what was open, or everything.
  if (is_open || deny_.from.is_all()) return {{}, Reason::denied, deny_.first};
  return denied(Reason::no_rule);
}

std::vector<std::vector<Subject>> subjects_of_accounts(const Draft& draft) {
  std::vector<std::vector<Subject>> subjects(draft.accounts.size());
  for (std::size_t i = 0; i < subjects.size(); ++i) {
    subjects[i] = {kEveryone, kFirstAccount + static_cast<Subject>(i)};
  }
  auto group = kFirstAccount + static_cast<Subject>(draft.accounts.size());
  for (const auto& each : draft.groups) {
    for (const Subject member : each.accounts) subjects[member - kFirstAccount].push_back(group);
    ++group;
  }
  return subjects;
}

}  // namespace layergate::acl
