#include "acl/policy.h"

#include <algorithm>
#include <optional>
#include <span>

#include "acl/policy_impl.h"

namespace layergate::acl {
namespace {

constexpr RuleNumber kNoRule = UINT32_MAX;

// The first rule, in the order of the files, that allows and the first that denies.
struct Verdict {
  RuleNumber allow = kNoRule;
  RuleNumber deny = kNoRule;
};

// One question, answered over all nodes that the account and the repository find.
class Question {
 public:
  // `names`: the keys that the repository finds.
  Question(const Policy::Impl& policy, const Account& account, const Principal& who, Action action,
           std::string_view repository, const FoundKeys& names)
      : policy_(policy),
        account_(account),
        who_(who),
        action_(action),
        repository_(repository),
        names_(names) {}

  Verdict one_tag(std::string_view tag) {
    Verdict verdict;
    LAYERGATE_UNINITIALIZED FoundKeys tags;
    bool has_tags = false;
    const auto weigh = [&](std::span<const RuleEntry> entries) {
      for (const RuleEntry& entry : entries) {
        RuleNumber& first = entry.deny ? verdict.deny : verdict.allow;
        if (entry.rule < first && applies(entry) && policy_.index.tag_matches(entry, tag)) {
          first = entry.rule;
        }
      }
    };
    for_each_node([&](const RuleNode& node) {
      if (!allows(node) && !denies(node)) return;
      weigh(policy_.index.with_every_tag(node));
      if (RuleIndex::has_only_every_tag(node)) return;
      if (!has_tags) {
        policy_.index.tags().find(tag, tags);
        has_tags = true;
      }
      for (const GlobKey key : tags) weigh(policy_.index.with_tag(node, key));
    });
    return verdict;
  }

  Verdict some_tag() {
    Verdict verdict;
    for_each_node([&](const RuleNode& node) {
      if (denies(node))
        verdict.deny = first_of(policy_.index.with_every_tag(node), true, verdict.deny);
      if (allows(node)) verdict.allow = first_of(policy_.index.all(node), false, verdict.allow);
    });
    return verdict;
  }

  Verdict every_tag() {
    Verdict verdict;
    for_each_node([&](const RuleNode& node) {
      if (denies(node)) verdict.deny = first_of(policy_.index.all(node), true, verdict.deny);
      if (allows(node)) {
        verdict.allow = first_of(policy_.index.with_every_tag(node), false, verdict.allow);
      }
    });
    return verdict;
  }

 private:
  template <typename Visit>
  void for_each_node(Visit visit) const {
    policy_.index.for_each_node(policy_.subjects_of(account_), names_, visit);
  }

  // An admin is allowed without a rule.
  [[nodiscard]] bool allows(const RuleNode& node) const {
    return !account_.admin && node.allowed.contains(action_);
  }
  [[nodiscard]] bool denies(const RuleNode& node) const { return node.denied.contains(action_); }

  [[nodiscard]] bool applies(const RuleEntry& entry) const {
    return entry.actions.contains(action_) && policy_.index.name_matches(entry, repository_) &&
           policy_.is_active(entry, who_);
  }

  // The first entry that applies decides about a node: a node may hold 100,000 tags. It is the same
  // at each asking, and mostly but not always the first in the file.
  [[nodiscard]] RuleNumber first_of(std::span<const RuleEntry> entries, bool deny,
                                    RuleNumber best) const {
    const auto found = std::find_if(entries.begin(), entries.end(), [&](const RuleEntry& entry) {
      return entry.deny == deny && applies(entry);
    });
    return found == entries.end() ? best : std::min(best, found->rule);
  }

  const Policy::Impl& policy_;
  const Account& account_;
  const Principal& who_;
  Action action_;
  std::string_view repository_;
  const FoundKeys& names_;
};

Decision refused(Reason reason) { return {false, reason, nullptr}; }

// Null if the account may be used.
std::optional<Reason> fault_of(const Policy::Impl& policy, const Account* account,
                               const Principal& who) {
  if (account == nullptr) return Reason::unknown_account;
  if (!account->enabled) return Reason::disabled;
  if (who.now >= account->expires) return Reason::expired;
  if (!policy.is_from(account->from, who.address)) return Reason::address;
  return std::nullopt;
}

// What all three questions have in common: first the account, then its permission, then the rules.
template <typename Ask>
Decision weigh(const Policy::Impl& policy, const Principal& who, Action action,
               std::string_view repository, Ask ask) {
  // The way to the account and the one to the repository's keys wait for memory together.
  const RuleShelves& shelves = policy.index.shelves();
  LAYERGATE_UNINITIALIZED KeySearch search(policy.index.names(), repository);
  const auto account_hash = Policy::Impl::hash_of(who.account);
  policy.account_table.prefetch(account_hash);
  search.approach(shelves);
  const auto likely = policy.account_table.likely(account_hash);
  if (likely != IdTable::kNone) __builtin_prefetch(&policy.accounts[likely]);
  LAYERGATE_UNINITIALIZED FoundKeys names;
  search.finish(shelves, names);
  const Account* account = policy.find(who.account, account_hash);
  if (const auto fault = fault_of(policy, account, who)) return refused(*fault);
  if (!account->admin && !account->permissions.contains(action)) {
    return refused(Reason::permission);
  }
  Question question{policy, *account, who, action, repository, names};
  const Verdict verdict = ask(question);
  if (verdict.deny != kNoRule) return {false, Reason::denied, &policy.origins[verdict.deny]};
  if (account->admin) return {true, Reason::admin, nullptr};
  if (verdict.allow != kNoRule) return {true, Reason::rule, &policy.origins[verdict.allow]};
  return refused(Reason::no_rule);
}

}  // namespace

const Account* Policy::Impl::find(std::string_view name, std::uint64_t hash) const {
  const auto id = account_table.find(
      hash, [&](std::uint32_t candidate) { return name_of(accounts[candidate]) == name; });
  return id == IdTable::kNone ? nullptr : &accounts[id];
}

bool Policy::Impl::is_from(const Slice& slice, const IpAddress& address) const {
  if (slice.count == 0) return true;
  const auto* const begin = networks.data() + slice.first;
  return std::any_of(begin, begin + slice.count,
                     [&](const IpNetwork& network) { return network.contains(address); });
}

bool Policy::Impl::is_active(const RuleEntry& entry, const Principal& who) const {
  if (!entry.conditional) return true;
  const Condition& condition = conditions[entry.rule];
  return who.now < condition.expires && is_from(condition.from, who.address);
}

Policy::Policy(std::unique_ptr<const Impl> impl) : impl_(std::move(impl)) {}
Policy::~Policy() = default;

Decision Policy::admit(const Principal& who) const {
  if (const auto fault = fault_of(*impl_, impl_->find(who.account), who)) return refused(*fault);
  return {true, Reason::usable, nullptr};
}

Decision Policy::decide(const Principal& who, Action action, std::string_view repository,
                        std::string_view tag) const {
  return weigh(*impl_, who, action, repository,
               [&](Question& question) { return question.one_tag(tag); });
}

Decision Policy::decide_some_tag(const Principal& who, Action action,
                                 std::string_view repository) const {
  return weigh(*impl_, who, action, repository,
               [](Question& question) { return question.some_tag(); });
}

Decision Policy::decide_every_tag(const Principal& who, Action action,
                                  std::string_view repository) const {
  const auto every = weigh(*impl_, who, action, repository,
                           [](Question& question) { return question.every_tag(); });
  if (every.reason != Reason::denied && every.reason != Reason::no_rule) return every;
  // Refused: does it at least hold for some tags? Then the rules are not against it, only too
  // narrow.
  auto some = decide_some_tag(who, action, repository);
  if (!some.allowed) return some;
  return {false, Reason::not_every_tag, every.rule != nullptr ? every.rule : some.rule};
}

std::optional<std::vector<Policy::TagRange>> Policy::allowed_ranges(std::string_view account,
                                                                    Action action,
                                                                    std::string_view repository,
                                                                    std::size_t most) const {
  std::vector<TagRange> ranges;
  const Account* found = impl_->find(account);
  if (found == nullptr) return ranges;
  if (found->admin) return std::nullopt;
  const RuleIndex& index = impl_->index;
  FoundKeys names;
  find_keys(index.names(), index.shelves(), repository, names);
  bool is_bounded = true;
  index.for_each_node(impl_->subjects_of(*found), names, [&](const RuleNode& node) {
    if (!is_bounded || !node.allowed.contains(action)) return;
    for (const RuleEntry& entry : index.all(node)) {
      if (entry.deny || !entry.actions.contains(action) || !index.name_matches(entry, repository)) {
        continue;
      }
      const auto text = index.tags().text_of(entry.tag);
      const bool exact = index.tags().is_literal(entry.tag);
      is_bounded = !entry.every_tag && (exact || !text.empty()) && ranges.size() < most;
      if (!is_bounded) return;
      ranges.push_back({text, exact});
    }
  });
  if (!is_bounded) return std::nullopt;
  std::sort(ranges.begin(), ranges.end(),
            [](const TagRange& a, const TagRange& b) { return a.text < b.text; });
  return ranges;
}

namespace {

// Whether a node of that subject, which is no account, and of the repository satisfies is_it(node).
template <typename IsIt>
bool has_node(const RuleIndex& index, Subject subject, std::string_view repository, IsIt is_it) {
  FoundKeys names;
  find_keys(index.names(), index.shelves(), repository, names);
  bool has = false;
  index.for_each_node({&subject, 1}, names,
                      [&](const RuleNode& node) { has = has || is_it(node); });
  return has;
}

// Whether a pattern of that subject matches.
bool has_pattern(const RuleIndex& index, Subject subject, std::string_view repository,
                 std::string_view tag) {
  FoundKeys tags;
  index.tags().find(tag, tags);
  const auto has_match = [&](std::span<const RuleEntry> entries) {
    return std::any_of(entries.begin(), entries.end(), [&](const RuleEntry& entry) {
      return index.name_matches(entry, repository) && index.tag_matches(entry, tag);
    });
  };
  return has_node(index, subject, repository, [&](const RuleNode& node) {
    return has_match(index.with_every_tag(node)) ||
           std::any_of(tags.begin(), tags.end(),
                       [&](GlobKey key) { return has_match(index.with_tag(node, key)); });
  });
}

// Whether a pattern of that subject matches the name; `every`: with every tag.
bool has_name(const RuleIndex& index, Subject subject, std::string_view repository, bool every) {
  return has_node(index, subject, repository, [&](const RuleNode& node) {
    const auto entries = every ? index.with_every_tag(node) : index.all(node);
    return std::any_of(entries.begin(), entries.end(), [&](const RuleEntry& entry) {
      return index.name_matches(entry, repository);
    });
  });
}

}  // namespace

bool Policy::is_immutable(std::string_view repository, std::string_view tag) const {
  return has_pattern(impl_->index, kImmutable, repository, tag);
}

bool Policy::has_immutable(std::string_view repository) const {
  return has_name(impl_->index, kImmutable, repository, false);
}

bool Policy::covers(std::string_view repository, std::string_view tag) const {
  return has_pattern(impl_->index, kCovered, repository, tag);
}

bool Policy::covers_every_tag(std::string_view repository) const {
  return has_name(impl_->index, kCovered, repository, true);
}

bool Policy::may_push_unregistered() const { return impl_->push_unregistered; }

bool Policy::is_admin(std::string_view account) const {
  const Account* found = impl_->find(account);
  return found != nullptr && found->admin;
}

WallTime Policy::since(std::string_view account) const {
  const Account* found = impl_->find(account);
  if (found == nullptr) return WallTime{};
  return impl_->since[static_cast<std::size_t>(found - impl_->accounts.data())];
}

std::vector<std::string> Policy::accounts() const {
  std::vector<std::string> names;
  names.reserve(impl_->accounts.size());
  for (const Account& account : impl_->accounts) names.emplace_back(impl_->name_of(account));
  std::sort(names.begin(), names.end());
  return names;
}

std::size_t Policy::rule_count() const { return impl_->origins.size(); }

}  // namespace layergate::acl
