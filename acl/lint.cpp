#include "acl/lint.h"

#include <algorithm>
#include <set>
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

// Of rules that may cover a rule: beyond them it is left alone.
constexpr std::size_t kMostCandidates = 1000;

using Level = Finding::Level;

std::string quoted(std::string_view text) { return "\"" + std::string(text) + "\""; }

class Linter {
 public:
  Linter(const Draft& draft, WallTime now)
      : draft_(draft),
        now_(now),
        group_base_(kFirstAccount + static_cast<Subject>(draft.accounts.size())),
        subjects_(subjects_of_accounts(draft)),
        found_(pitfalls(draft, now)) {}

  std::vector<Finding> run() {
    for (RuleNumber number = 0; number < draft_.rules.size(); ++number) {
      const auto& rule = draft_.rules[number];
      if (is_over(rule, now_)) continue;
      for (const auto& pattern : rule.images) {
        (rule.deny ? denies_ : allows_).add(pattern, number);
      }
    }
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
  // --- whom a rule names ---

  // Calls visit(account) for each account that one of the subjects means, until it answers false;
  // whether it never did.
  template <typename Visit>
  bool each_account(const std::vector<Subject>& subjects, Visit visit) const {
    const auto visit_one = [&](Subject account) {
      return visit(draft_.accounts[account - kFirstAccount]);
    };
    return std::all_of(subjects.begin(), subjects.end(), [&](Subject subject) {
      if (subject == kEveryone) {
        return std::all_of(draft_.accounts.begin(), draft_.accounts.end(), visit);
      }
      if (subject < group_base_) return visit_one(subject);
      const auto& members = draft_.groups[subject - group_base_].accounts;
      return std::all_of(members.begin(), members.end(), visit_one);
    });
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
    ActionSet held;
    bool is_nobody = true;
    bool only_admins = true;
    each_account(rule.subjects, [&](const AccountDraft& account) {
      is_nobody = false;
      only_admins = only_admins && account.admin;
      if (!account.admin) held.insert(account.permissions);
      return only_admins || held != ActionSet::all();
    });
    if (is_nobody) return;
    if (only_admins) {
      add(Level::note, rule.place,
          "all whom the rule names are admins, who need no rule to be allowed",
          "take the rule out");
      return;
    }
    // Where each is named alone, pitfalls say it of each.
    const bool is_each_alone =
        std::all_of(rule.subjects.begin(), rule.subjects.end(),
                    [&](Subject subject) { return subject != kEveryone && subject < group_base_; });
    if (is_each_alone && !held.intersects(rule.actions)) return;
    // A registration allows all four, bounded by what each account has: it is not written by hand.
    if (std::string_view(rule.name).ends_with(" as registered")) return;
    for (const Action action : kActions) {
      if (!rule.actions.contains(action) || held.contains(action)) continue;
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
    const bool never = each_account(rule.subjects, [&](const AccountDraft& account) {
      is_nobody = false;
      if (account.from.empty()) return false;
      auto both = AddressSet::of(account.from);
      both.intersect(from);
      return both.empty();
    });
    if (never && !is_nobody) {
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

  [[nodiscard]] std::optional<RuleNumber> covering(const PatternTable& table, RuleNumber number,
                                                   bool only_before) const {
    const auto& rule = draft_.rules[number];
    std::optional<RuleNumber> found;
    std::size_t tried = 0;
    table.covering(rule.images.front(), [&](RuleNumber wide) {
      if (found || wide == number || ++tried > kMostCandidates) return;
      if (!covers(draft_.rules[wide], rule)) return;
      // Of two that say the same, the later one is too much.
      if (only_before && wide > number && covers(rule, draft_.rules[wide])) return;
      found = wide;
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
    if (allowed_.empty()) {
      for (const auto& rule : draft_.rules) {
        if (rule.deny || is_over(rule, now_)) continue;
        allowed_.insert(rule.subjects.begin(), rule.subjects.end());
      }
    }
    const auto& subjects = subjects_[number];
    if (std::none_of(subjects.begin(), subjects.end(),
                     [&](Subject subject) { return allowed_.contains(subject); })) {
      add(Level::note, account.name.place,
          "no rule allows user " + quoted(account.name.text) + " anything",
          "name the user, or a group of his, in a rule");
    }
  }

  void look_at_groups() {
    std::set<Subject> used;
    for (const auto& rule : draft_.rules) {
      used.insert(std::lower_bound(rule.subjects.begin(), rule.subjects.end(), group_base_),
                  rule.subjects.end());
    }
    for (std::size_t i = 0; i < draft_.groups.size(); ++i) {
      if (used.contains(group_base_ + static_cast<Subject>(i))) continue;
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
  PatternTable allows_, denies_;                      // of rules that are not over
  std::set<Subject> allowed_;                         // whom such an allow rule names
  std::vector<Finding> found_;
};

}  // namespace

std::vector<Finding> lint(const Draft& draft, WallTime now) { return Linter{draft, now}.run(); }

}  // namespace layergate::acl
