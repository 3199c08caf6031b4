// Whom two policies speak of, under the same numbers in both, and which users are alike.
//
// Thread safety: immutable once made.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "acl/draft.h"
#include "base/clock.h"

namespace layergate::acl {

// Everyone (0), then the groups, then the users of both policies, these in the order of their
// names.
using Party = std::uint32_t;

class Parties {
 public:
  static constexpr Party kAll = 0;

  // Users who are alike in both policies, but for rules that name them.
  struct Class {
    std::vector<Party> members;                       // sorted
    std::array<std::vector<Party>, 2> means;          // everyone, and their groups in each policy
    std::array<const AccountDraft*, 2> account = {};  // of one of them; null: there is none
    std::uint32_t kind = 0;
    bool touched = false;  // the account itself, or its groups, differ
  };
  // Classes that are alike but for their groups.
  struct Kind {
    std::vector<std::uint32_t> classes;
    bool touched = false;  // one of them is
  };

  // The drafts must outlive it. REQUIRES: resolve() found no errors in them.
  Parties(const Draft& before, const Draft& after, WallTime now);

  [[nodiscard]] std::size_t count() const { return first_user_ + users_.size(); }
  // The party that the subject is in the policy before (0) or after (1).
  [[nodiscard]] Party of(std::size_t side, Subject subject) const {
    return parties_[side][subject];
  }
  [[nodiscard]] bool is_user(Party party) const { return party >= first_user_; }
  // REQUIRES for these two: it is a user.
  [[nodiscard]] std::string_view name(Party user) const { return users_[user - first_user_]; }
  [[nodiscard]] std::uint32_t class_of(Party user) const { return class_of_[user - first_user_]; }
  // Sorted. REQUIRES: it is a group.
  [[nodiscard]] const std::vector<std::uint32_t>& classes_in(Party group) const {
    return classes_in_[group];
  }
  // Whether it means somebody whose account differs.
  [[nodiscard]] bool touches(Party party) const { return touched_[party]; }
  [[nodiscard]] bool touches_any() const { return touched_[kAll]; }

  [[nodiscard]] const std::vector<Class>& classes() const { return classes_; }
  [[nodiscard]] const std::vector<Kind>& kinds() const { return kinds_; }

 private:
  using Drafts = std::array<const Draft*, 2>;

  void number_parties(const Drafts& drafts);
  void sort_users(const Drafts& drafts, WallTime now);
  void mark_touched();

  Party first_user_ = 1;
  std::vector<std::string_view> users_;
  std::array<std::vector<Party>, 2> parties_;  // by subject
  std::vector<std::uint32_t> class_of_;
  std::vector<std::vector<std::uint32_t>> classes_in_;
  std::vector<bool> touched_;
  std::vector<Class> classes_;
  std::vector<Kind> kinds_;
};

}  // namespace layergate::acl
