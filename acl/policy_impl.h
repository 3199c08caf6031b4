// What a compiled policy consists of. Only acl/policy.cpp and acl/compiler.cpp include this.
#pragma once

#include <cstdint>
#include <vector>

#include "acl/policy.h"
#include "acl/rule_index.h"
#include "acl/text_arena.h"

namespace layergate::acl {

// A part of one of the vectors below.
struct Slice {
  std::uint32_t first = 0;
  std::uint32_t count = 0;
};

inline constexpr WallTime kNever = WallTime::max();

struct Account {
  std::string_view name;
  WallTime expires = kNever;
  WallTime since{};
  Slice from;      // of Impl::networks; empty: from anywhere
  Slice subjects;  // of Impl::subjects: itself, its groups and everyone, as far as rules name them
  ActionSet permissions;
  bool admin = false;
  bool enabled = true;
};

// What a rule asks of the moment and the place.
struct Condition {
  WallTime expires = kNever;
  Slice from;
};

// The subjects that are no account and no group. Accounts follow, then groups.
inline constexpr Subject kEveryone = 0;
inline constexpr Subject kImmutable = 1;  // whose rules are the patterns of `immutable:`
inline constexpr Subject kCovered = 2;    // whose rules are the patterns of all allow rules
inline constexpr Subject kFirstAccount = 3;

struct Policy::Impl {
  std::vector<Account> accounts;
  IdTable account_table;
  std::vector<Subject> subjects;
  std::vector<IpNetwork> networks;
  std::vector<RuleOrigin> origins;    // by RuleNumber
  std::vector<Condition> conditions;  // by RuleNumber
  RuleIndex index;
  TextArena texts;
  bool push_unregistered = false;

  static std::uint64_t hash_of(std::string_view name) {
    RunningHash hash;
    for (const char c : name) hash.add(c);
    return hash.value();
  }
  [[nodiscard]] const Account* find(std::string_view name) const;
  [[nodiscard]] bool is_from(const Slice& slice, const IpAddress& address) const;
  [[nodiscard]] bool is_active(const RuleIndex::Entry& entry, const Principal& who) const;
};

}  // namespace layergate::acl
