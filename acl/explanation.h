// Why a policy decides as it does: the account, and each condition of each rule.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "acl/draft.h"
#include "acl/question.h"

namespace layergate::acl {

// Which conditions of a rule the request fulfils. All of them: the rule applies.
struct RuleMatch {
  RuleNumber number = 0;
  std::optional<std::size_t> who;    // in RuleDraft::who, the first that means the account
  std::optional<std::size_t> image;  // in RuleDraft::images, the first that matches
  bool action = false;
  bool from = false;
  bool unexpired = false;

  [[nodiscard]] bool applies() const { return who && image && action && from && unexpired; }
};

struct Explanation {
  const AccountDraft* account = nullptr;  // null: there is none
  std::vector<std::string> groups;        // of the account, sorted
  bool from = false;                      // the address is one of the account's
  bool unexpired = false;                 // the account is
  bool permitted = false;                 // its permissions hold the action
  std::vector<RuleMatch> rules;           // each rule of the policy, in the order of the files

  // The outcome, and the rule that decided. Always as Policy::decide (or decide_some_tag, where the
  // rule may be another of those that apply).
  bool allowed = false;
  Reason reason = Reason::no_rule;
  std::optional<RuleNumber> rule;
};

// The draft must outlive the answer. REQUIRES: resolve() found no errors in it.
Explanation explain(const Draft& draft, const Principal& who, const Question& question);

// Each condition in words, for people: "@research" or "names ci, @ops"; what matched, or what would
// have.
struct Conditions {
  std::string who, images, actions, from, expires;
};
Conditions conditions_of(const RuleDraft& rule, const RuleMatch& match);

}  // namespace layergate::acl
