#include "acl/lint.h"

#include <algorithm>
#include <map>
#include <string>
#include <tuple>

#include "acl/pattern_table.h"
#include "acl/pitfalls.h"
#include "acl/policy_impl.h"
#include "acl/question.h"
#include "acl/standing.h"
#include "base/address_set.h"

namespace layergate::acl {
namespace {

using Level = Finding::Level;

std::string quoted(std::string_view text) { return "\"" + std::string(text) + "\""; }

// Of the rules with one pattern, those that name each subject.
using RulesByWho = std::map<Subject, std::vector<RuleNumber>>;
constexpr Subject kNobody = UINT32_MAX;  // where rules stand that name no subject

// What the accounts that a subject means may do together, and from where.
struct Holders {
  bool is_nobody = true;
  bool only_admins = true;
  ActionSet held;  // by those who are no admins
  AddressSet from;

  static Holders of(const std::vector<const AccountDraft*>& accounts) {
    Holders holders;
    std::vector<IpNetwork> networks;
    bool is_anywhere = false;
    for (const auto* account : accounts) {
      holders.is_nobody = false;
      holders.only_admins = holders.only_admins && account->admin;
      if (!account->admin) holders.held.insert(account->permissions);
      networks.insert(networks.end(), account->from.begin(), account->from.end());
      is_anywhere = is_anywhere || account->from.empty();
    }
    holders.from = is_anywhere ? AddressSet::all() : AddressSet::of(networks);
    return holders;
  }
};

class Linter {
 public:
  Linter(const Draft& draft, WallTime now)
      : draft_(draft),
        now_(now),
        group_base_(kFirstAccount + static_cast<Subject>(draft.accounts.size())),
        subjects_(subjects_of_accounts(draft)),
        is_named_(group_base_ + draft.groups.size()),
        is_allowed_(is_named_.size()),
        found_(pitfalls(draft, now)) {}

  std::vector<Finding> run() {
    for (RuleNumber number = 0; number < draft_.rules.size(); ++number) note(number);
    note_holders();
    for (RuleNumber number = 0; number < draft_.rules.size(); ++number) {
      const auto& rule = draft_.rules[number];
      if (is_over(rule, now_) || rule.subjects.empty()) continue;
      look_at_holders(rule);
      look_at_addresses(rule);
      look_at_patterns(rule);
      look_for_covering(rule, number);
    }
    for (std::size_t i = 0; i < draft_.accounts.size(); ++i) look_at_account(i);
    look_at_groups();
    if (draft_.tests.empty()) {
      found_.push_back({Level::note,
                        {draft_.sources.front(), 0, 0, "the policy has no tests", ""},
                        "write what must stay allowed and denied under tests:, and a change that "
                        "breaks it is not loaded"});
    }
    std::stable_sort(found_.begin(), found_.end(), [this](const Finding& a, const Finding& b) {
      return std::tuple(rank(a), a.problem.line, a.problem.column) <
             std::tuple(rank(b), b.problem.line, b.problem.column);
    });
    return std::move(found_);
  }

 private:
  // --- what is asked again and again ---

  void note(RuleNumber number) {
    const auto& rule = draft_.rules[number];
    for (const Subject subject : rule.subjects) is_named_[subject] = true;
    if (is_over(rule, now_)) return;
    for (const auto& pattern : rule.images) {
      auto& rules = (rule.deny ? denies_ : allows_)[pattern];
      for (const Subject subject : rule.subjects) rules[subject].push_back(number);
      if (rule.subjects.empty()) rules[kNobody].push_back(number);
    }
    if (rule.deny) return;
    for (const Subject subject : rule.subjects) is_allowed_[subject] = true;
  }

  void note_holders() {
    std::vector<const AccountDraft*> all;
    for (const auto& account : draft_.accounts) all.push_back(&account);
    everyone_ = Holders::of(all);
    for (const auto& group : draft_.groups) {
      std::vector<const AccountDraft*> members;
      for (const Subject member : group.accounts) members.push_back(&account(member));
      groups_.push_back(Holders::of(members));
    }
  }

  // --- whom a rule names ---

  [[nodiscard]] const AccountDraft& account(Subject subject) const {
    return draft_.accounts[subject - kFirstAccount];
  }

  [[nodiscard]] Holders holders(Subject subject) const {
    if (subject == kEveryone) return everyone_;
    if (subject >= group_base_) return groups_[subject - group_base_];
    return Holders::of({&account(subject)});
  }

  // A rule that means all whom this one means names one of these; nothing: the rule means nobody.
  [[nodiscard]] std::vector<Subject> names_of_one(const RuleDraft& rule) const {
    for (const Subject subject : rule.subjects) {
      if (subject == kEveryone) return {kEveryone};
      if (subject < group_base_) return subjects_[subject - kFirstAccount];
      const auto& members = draft_.groups[subject - group_base_].accounts;
      if (!members.empty()) return subjects_[members.front() - kFirstAccount];
    }
    return {};
  }

  // Whether the wider rule means each account that the subject means.
  [[nodiscard]] bool means(const RuleDraft& wide, Subject subject) const {
    const auto holds = [&](Subject one) {
      return std::binary_search(wide.subjects.begin(), wide.subjects.end(), one);
    };
    if (holds(kEveryone) || holds(subject)) return true;
    if (subject == kEveryone) return false;
    const auto means_account = [&](Subject account) {
      const auto& of = subjects_[account - kFirstAccount];
      return std::any_of(of.begin(), of.end(), holds);
    };
    if (subject < group_base_) return means_account(subject);
    const auto& members = draft_.groups[subject - group_base_].accounts;
    return std::all_of(members.begin(), members.end(), means_account);
  }

  // --- one rule ---

  void look_at_holders(const RuleDraft& rule) {
    if (rule.deny) return;
    Holders all;
    for (const Subject subject : rule.subjects) {
      const auto some = holders(subject);
      all.is_nobody = all.is_nobody && some.is_nobody;
      all.only_admins = all.only_admins && some.only_admins;
      all.held.insert(some.held);
    }
    if (all.is_nobody) return;
    if (all.only_admins) {
      add(Level::note, rule.place,
          "all whom the rule names are admins, who need no rule to be allowed",
          "take the rule out");
      return;
    }
    // Where each is named alone, pitfalls say it of each.
    const bool is_each_alone =
        std::all_of(rule.subjects.begin(), rule.subjects.end(),
                    [&](Subject subject) { return subject != kEveryone && subject < group_base_; });
    if (is_each_alone && !all.held.intersects(rule.actions)) return;
    // A registration allows all four, bounded by what each account has: it is not written by hand.
    if (std::string_view(rule.name).ends_with(" as registered")) return;
    for (const Action action : kActions) {
      if (!rule.actions.contains(action) || all.held.contains(action)) continue;
      const std::string name(to_string(action));
      add(Level::warning, rule.place,
          "the rule allows " + name + ", which none of its users has the permission for",
          "add " + name + " to somebody's permissions, or take it out of the rule");
    }
  }

  void look_at_addresses(const RuleDraft& rule) {
    look_at_from(rule.from, rule.place);
    if (rule.from.empty()) return;
    const auto from = AddressSet::of(rule.from);
    bool is_nobody = true;
    for (const Subject subject : rule.subjects) {
      auto some = holders(subject);
      is_nobody = is_nobody && some.is_nobody;
      some.from.intersect(from);
      if (!some.from.empty()) return;
    }
    if (!is_nobody) {
      add(Level::warning, rule.place,
          "the rule holds from no address from which its users may come",
          "compare its from with theirs");
    }
  }

  void look_at_from(const std::vector<IpNetwork>& from, const Place& place) {
    for (const auto& network : from) {
      const auto text = network.to_string();
      if (text == "0.0.0.0/0") {
        add(Level::note, place, "from holds 0.0.0.0/0, which is every IPv4 address and no IPv6 one",
            "leave from out if every address is meant");
      } else if (text == "::/0") {
        add(Level::note, place, "from holds ::/0, which is every address, IPv4 too",
            "leave from out");
      }
    }
  }

  void look_at_patterns(const RuleDraft& rule) {
    for (const auto& pattern : rule.images) {
      if (pattern.has_tag || !is_literal(pattern.name)) continue;
      add(Level::note, rule.place, quoted(pattern.name) + " has no tag and means every tag",
          "write \"" + pattern.name + ":*\" to say so, or \"" + pattern.name +
              ":latest\" for the one that docker would take");
    }
  }

  // --- two rules ---

  // Whether all that rule says is said by wide.
  [[nodiscard]] bool covers(const RuleDraft& wide, const RuleDraft& rule) const {
    auto actions = wide.actions;
    actions.insert(rule.actions);
    if (actions != wide.actions) return false;
    if (wide.expires && (!rule.expires || *wide.expires < *rule.expires)) return false;
    if (!wide.from.empty()) {
      auto rest = rule.from.empty() ? AddressSet::all() : AddressSet::of(rule.from);
      rest.subtract(AddressSet::of(wide.from));
      if (!rest.empty()) return false;
    }
    return std::all_of(rule.subjects.begin(), rule.subjects.end(),
                       [&](Subject subject) { return means(wide, subject); }) &&
           std::all_of(rule.images.begin(), rule.images.end(), [&](const Pattern& pattern) {
             return std::any_of(wide.images.begin(), wide.images.end(), [&](const Pattern& w) {
               return glob_covers(w.name, pattern.name) &&
                      (w.is_every_tag() || glob_covers(w.tag, pattern.tag));
             });
           });
  }

  // The rules of one pattern that may mean all whom this one means, in the order of the files.
  [[nodiscard]] std::vector<RuleNumber> candidates(const RulesByWho& rules,
                                                   const std::vector<Subject>& names) const {
    std::vector<RuleNumber> found;
    const auto take = [&](const std::vector<RuleNumber>& some) {
      found.insert(found.end(), some.begin(), some.end());
    };
    for (const Subject name : names) {
      if (const auto some = rules.find(name); some != rules.end()) take(some->second);
    }
    if (names.empty()) {
      for (const auto& [subject, some] : rules) take(some);
    }
    std::sort(found.begin(), found.end());
    return found;
  }

  [[nodiscard]] std::optional<RuleNumber> covering(const PatternTable<RulesByWho>& table,
                                                   RuleNumber number, bool only_before) const {
    const auto& rule = draft_.rules[number];
    const auto names = names_of_one(rule);
    std::optional<RuleNumber> found;
    table.covering(rule.images.front(), [&](const RulesByWho& rules) {
      for (const RuleNumber wide : candidates(rules, names)) {
        if (wide == number || !covers(draft_.rules[wide], rule)) continue;
        // Of two that say the same, the later one is too much.
        if (only_before && wide > number && covers(rule, draft_.rules[wide])) continue;
        found = wide;
        return false;
      }
      return true;
    });
    return found;
  }

  void look_for_covering(const RuleDraft& rule, RuleNumber number) {
    if (!rule.deny) {
      if (const auto deny = covering(denies_, number, false)) {
        add(Level::warning, rule.place,
            "the rule allows nothing: all of it is denied by " + draft_.origin(*deny).to_string(),
            "take the rule out, or narrow the other");
        return;
      }
    }
    const auto other = covering(rule.deny ? denies_ : allows_, number, true);
    if (!other) return;
    const auto& wide = draft_.rules[*other];
    const auto name = draft_.origin(*other).to_string();
    if (covers(rule, wide)) {
      add(Level::warning, rule.place, "the rule says the same as " + name, "take one of them out");
    } else {
      add(Level::note, rule.place,
          "all that the rule " + std::string(rule.deny ? "denies" : "allows") +
              (rule.deny ? " is denied by " : " is allowed by ") + name,
          "take the rule out, unless it is to stay when the other goes");
    }
  }

  // --- accounts and groups ---

  void look_at_account(std::size_t number) {
    const auto& account = draft_.accounts[number];
    look_at_from(account.from, account.name.place);
    if (account.admin || !account.enabled || (account.expires && *account.expires <= now_)) return;
    if (account.permissions.empty()) {
      add(Level::note, account.name.place,
          "user " + quoted(account.name.text) + " has no permissions: it may log in, no more",
          "add permissions, or take the user out");
      return;
    }
    const auto& subjects = subjects_[number];
    if (std::none_of(subjects.begin(), subjects.end(),
                     [&](Subject subject) { return is_allowed_[subject]; })) {
      add(Level::note, account.name.place,
          "no rule allows user " + quoted(account.name.text) + " anything",
          "name the user, or a group of his, in a rule");
    }
  }

  void look_at_groups() {
    for (std::size_t i = 0; i < draft_.groups.size(); ++i) {
      if (is_named_[group_base_ + i]) continue;
      const auto& name = draft_.groups[i].name;
      add(Level::note, name.place, "no rule names group " + quoted(name.text),
          "take the group out, or name \"@" + name.text + "\" in a rule");
    }
  }

  [[nodiscard]] std::ptrdiff_t rank(const Finding& finding) const {
    return std::find(draft_.sources.begin(), draft_.sources.end(), finding.problem.file) -
           draft_.sources.begin();
  }

  void add(Level level, const Place& place, std::string what, std::string advice) {
    found_.push_back({level, draft_.problem(place, std::move(what)), std::move(advice)});
  }

  const Draft& draft_;
  const WallTime now_;
  const Subject group_base_;
  const std::vector<std::vector<Subject>> subjects_;  // of each account
  PatternTable<RulesByWho> allows_, denies_;          // of rules that are not over
  std::vector<bool> is_named_;                        // by a rule
  std::vector<bool> is_allowed_;                      // something, by a rule that is not over
  Holders everyone_;
  std::vector<Holders> groups_;
  std::vector<Finding> found_;
};

}  // namespace

std::vector<Finding> lint(const Draft& draft, WallTime now) { return Linter{draft, now}.run(); }

}  // namespace layergate::acl
