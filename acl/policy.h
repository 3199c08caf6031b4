// The compiled policy: who may do what to which image, and why.
//
// Thread safety: immutable once made; any number of threads may ask at once.
// Meaning: docs/policy.md. A deny always wins, the order of rules never matters, and what nothing
// allows is denied.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "acl/action.h"
#include "base/address.h"
#include "base/clock.h"

namespace layergate::acl {

// Who asks, from where and when. The text that account views must outlive the call.
struct Principal {
  std::string_view account;
  IpAddress address;
  WallTime now;
};

// Where a rule stands, for people: "research pulls the small models (acl.yml:12)". Its texts live
// as long as the policy.
struct RuleOrigin {
  std::string_view name;  // may be empty
  std::string_view file;
  int line = 0;
  std::string_view reason;  // the rule's own `reason:`, or empty

  [[nodiscard]] std::string to_string() const;
};

enum class Reason : std::uint8_t {
  // allowed
  rule,          // by the allow rule in Decision::rule
  admin,         // by the permission admin
  usable,        // the account itself (Policy::admit)
  unregistered,  // by `unregistered: push` (index/rights.h, as the next two)
  possession,    // the account brought it there
  // refused because of the account: 401
  unknown_account,
  disabled,
  expired,
  // refused because of where it comes from: 403
  address,
  // refused because of the action
  permission,     // the account's permissions do not hold it
  denied,         // by the deny rule in Decision::rule
  no_rule,        // nothing allows it
  not_every_tag,  // asked about every tag of a repository; the rules reach only some
  no_tag,         // no tag on which the account has the right reaches it
};

std::string_view to_string(Reason reason);

struct Decision {
  bool allowed = false;
  Reason reason = Reason::no_rule;
  const RuleOrigin* rule = nullptr;  // lives as long as the policy

  // One sentence for a record or an error: "denied by nobody replaces a release (acl.yml:17)".
  [[nodiscard]] std::string to_string() const;
};

class Policy {
 public:
  struct Impl;
  // Policies come from acl/loader.h; only acl/compiler.h has what goes in here.
  explicit Policy(std::unique_ptr<const Impl> impl);
  ~Policy();
  Policy(const Policy&) = delete;
  Policy& operator=(const Policy&) = delete;

  // Whether the account may be used at all, now and from this address. The line in htpasswd is
  // not looked at here: only who has shown a password is asked about.
  [[nodiscard]] Decision admit(const Principal& who) const;

  // Each of these asks admit() first. Repository and tag are such by the OCI grammar: what holds
  // other characters is refused where requests are read, and gets no meaningful answer here. One
  // tag.
  [[nodiscard]] Decision decide(const Principal& who, Action action, std::string_view repository,
                                std::string_view tag) const;
  // At least one tag that may or may not exist.
  [[nodiscard]] Decision decide_some_tag(const Principal& who, Action action,
                                         std::string_view repository) const;
  // Each tag that there could be: true only if an allow rule's tag part is `*`, `**` or absent (or
  // the account is an admin) and no deny rule for the action touches the repository at all.
  [[nodiscard]] Decision decide_every_tag(const Principal& who, Action action,
                                          std::string_view repository) const;

  // A set of tags with this beginning, or this one tag.
  struct TagRange {
    std::string_view text;  // lives as long as the policy
    bool exact = false;
  };
  // Ranges that hold each tag of the repository for which a rule may allow the account the action,
  // denies and conditions aside, sorted. Nothing if that may be any tag, or more than `most`
  // ranges.
  [[nodiscard]] std::optional<std::vector<TagRange>> allowed_ranges(std::string_view account,
                                                                    Action action,
                                                                    std::string_view repository,
                                                                    std::size_t most) const;

  // Whether name:tag is under `immutable:`.
  [[nodiscard]] bool is_immutable(std::string_view repository, std::string_view tag) const;
  // Whether some tag of the repository may be under `immutable:`.
  [[nodiscard]] bool has_immutable(std::string_view repository) const;
  // `unregistered: push`
  [[nodiscard]] bool may_push_unregistered() const;
  // Whether an allow rule covers the tag, or each tag that there could be, whomever it names; now,
  // or in an earlier policy that the loader was told of. Answers only while
  // may_push_unregistered().
  [[nodiscard]] bool covers(std::string_view repository, std::string_view tag) const;
  [[nodiscard]] bool covers_every_tag(std::string_view repository) const;

  // Holds the permission admin, whether or not the account may be used now.
  [[nodiscard]] bool is_admin(std::string_view account) const;
  [[nodiscard]] std::vector<std::string> accounts() const;  // sorted
  // Since when the name stands for who has it now, as `users` says. What another had under it
  // before (tags, possession, records) is not this account's. The epoch: that is not known.
  [[nodiscard]] WallTime since(std::string_view account) const;
  [[nodiscard]] std::size_t rule_count() const;

 private:
  std::unique_ptr<const Impl> impl_;
};

}  // namespace layergate::acl
