// From where an account may do something with an image: the rules' answer for all addresses at
// once.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "acl/draft.h"
#include "base/address_set.h"

namespace layergate::acl {

struct Standing {
  AddressSet from;  // where it is allowed; empty: it is denied
  Reason reason = Reason::no_rule;
  std::optional<RuleNumber> rule;  // that allows or denies, the first in the order of the files

  [[nodiscard]] bool allowed() const { return !from.empty(); }
  // "allowed by …", as Decision::to_string().
  [[nodiscard]] std::string to_string(const Draft& draft) const;
};

// What rules that match one image and action say together to whom they name.
class Says {
 public:
  void add(const RuleDraft& rule, RuleNumber number);
  void add(bool deny, const AddressSet& from, RuleNumber number);
  void add(const Says& others);

  // Of an account to which they say this, and nothing else is said. The rules are not over at that
  // moment.
  [[nodiscard]] Standing to(const AccountDraft& account, Action action, WallTime now) const;

 private:
  struct Side {
    AddressSet from;
    std::optional<RuleNumber> first;

    void add(const AddressSet& others, RuleNumber rule);
  };
  Side allow_, deny_;
};

// The subjects by which rules may mean each account (a number in Draft::accounts): everyone, itself
// and its groups, sorted. REQUIRES: resolve() found no errors in the draft.
std::vector<std::vector<Subject>> subjects_of_accounts(const Draft& draft);

}  // namespace layergate::acl
