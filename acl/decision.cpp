// What decisions and rules are called where people read them.
#include <string>

#include "acl/policy.h"

namespace layergate::acl {

std::string RuleOrigin::to_string() const {
  const std::string place = std::string{file} + ":" + std::to_string(line);
  if (name.empty()) return "the rule at " + place;
  return std::string{name} + " (" + place + ")";
}

std::string_view to_string(Reason reason) {
  switch (reason) {
    case Reason::rule:
      return "rule";
    case Reason::admin:
      return "admin";
    case Reason::usable:
      return "usable";
    case Reason::unregistered:
      return "unregistered";
    case Reason::possession:
      return "possession";
    case Reason::unknown_account:
      return "unknown_account";
    case Reason::disabled:
      return "disabled";
    case Reason::expired:
      return "expired";
    case Reason::address:
      return "address";
    case Reason::permission:
      return "permission";
    case Reason::denied:
      return "denied";
    case Reason::no_rule:
      return "no_rule";
    case Reason::not_every_tag:
      return "not_every_tag";
    case Reason::no_tag:
      return "no_tag";
  }
  return "";
}

std::string Decision::to_string() const {
  const std::string origin = rule == nullptr ? "" : rule->to_string();
  switch (reason) {
    case Reason::rule:
      return "allowed by " + origin;
    case Reason::admin:
      return "allowed by the permission admin";
    case Reason::usable:
      return "the account may be used";
    case Reason::unregistered:
      return "allowed by unregistered: push, for no rule covers the image";
    case Reason::possession:
      return "allowed: the account brought it there";
    case Reason::unknown_account:
      return "refused: the policy has no such account";
    case Reason::disabled:
      return "refused: the account is disabled";
    case Reason::expired:
      return "refused: the account has expired";
    case Reason::address:
      return "refused: the account may not be used from this address";
    case Reason::permission:
      return "refused: the account's permissions do not hold it";
    case Reason::denied:
      return "denied by " + origin;
    case Reason::no_rule:
      return "refused: no rule allows it";
    case Reason::not_every_tag:
      return "refused: every tag would be needed, and only some are allowed" +
             (rule == nullptr ? "" : ", see " + origin);
    case Reason::no_tag:
      return "refused: no tag on which the account has the right reaches it";
  }
  return "";
}

}  // namespace layergate::acl
