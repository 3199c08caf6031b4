#include "acl/pitfalls.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "acl/policy_impl.h"

namespace layergate::acl {
namespace {

class Search {
 public:
  explicit Search(const Draft& draft) : draft_(draft) {}

  std::vector<TimedFinding> run() {
    std::unordered_map<std::string_view, const AccountDraft*> accounts;
    accounts.reserve(draft_.accounts.size());
    for (const auto& account : draft_.accounts) {
      accounts.emplace(account.name.text, &account);
      if (account.expires) {
        warn(account.name.place, "user \"" + account.name.text + "\" has expired",
             "take the user out, or write a later expires");
        found_.back().from = *account.expires;
      }
    }
    for (const auto& rule : draft_.rules) {
      look_at_times(rule);
      look_for_nobody(rule);
      for (const Word& word : rule.who) {
        if (const auto found = accounts.find(word.text); found != accounts.end()) {
          look_for_powerless(rule, word, *found->second);
        }
      }
    }
    for (const auto& test : draft_.tests) {
      if (accounts.contains(test.user.text)) continue;
      warn(test.user.place,
           "there is no user \"" + test.user.text + "\", so this test shows little",
           "ask about a user of the policy");
    }
    return std::move(found_);
  }

 private:
  void look_at_times(const RuleDraft& rule) {
    if (!rule.expires) return;
    warn(rule.place, "the rule has expired and does nothing any more",
         "take the rule out, or write a later expires");
    found_.back().from = *rule.expires;
    if (!rule.deny) return;
    warn(rule.place, "a deny rule with expires: what it closes opens when it ends",
         "leave expires out if it is to stay closed");
    found_.back().until = *rule.expires;
  }

  void look_for_nobody(const RuleDraft& rule) {
    // An allow rule with an empty list is what is left when the last user's right was revoked.
    if (rule.who.empty() && !rule.deny) return;
    const auto group_base = kFirstAccount + static_cast<Subject>(draft_.accounts.size());
    const auto is_empty = [&](Subject subject) {
      if (subject == kEveryone) return draft_.accounts.empty();
      return subject >= group_base && draft_.groups[subject - group_base].accounts.empty();
    };
    if (std::all_of(rule.subjects.begin(), rule.subjects.end(), is_empty)) {
      warn(rule.place,
           std::string("the rule matches no account, so it ") + (rule.deny ? "denies" : "allows") +
               " nothing",
           "name users, or take the rule out");
    }
  }

  void look_for_powerless(const RuleDraft& rule, const Word& word, const AccountDraft& account) {
    if (rule.deny || rule.actions.empty() || account.admin ||
        account.permissions.intersects(rule.actions)) {
      return;
    }
    warn(word.place,
         "the permissions of user \"" + account.name.text + "\" hold none of what this rule allows",
         "add a permission to the user, or take the user out of the rule");
  }

  void warn(const Place& place, std::string what, std::string advice) {
    found_.push_back(
        {{Finding::Level::warning, draft_.problem(place, std::move(what)), std::move(advice)}});
  }

  const Draft& draft_;
  std::vector<TimedFinding> found_;
};

}  // namespace

std::vector<TimedFinding> pitfalls_at_any_time(const Draft& draft) { return Search{draft}.run(); }

std::vector<Finding> pitfalls(const Draft& draft, WallTime now) {
  std::vector<Finding> found;
  for (auto& [finding, from, until] : pitfalls_at_any_time(draft)) {
    if (from <= now && now < until) found.push_back(std::move(finding));
  }
  return found;
}

}  // namespace layergate::acl
