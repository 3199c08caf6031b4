// What a compiled policy consists of. For acl/ alone.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
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

// One cache line, without padding: it is kept on disk as it is.
struct alignas(64) Account {
  static constexpr std::size_t kShortName = 24;
  static constexpr std::size_t kFewSubjects = 4;

  WallTime expires = kNever;
  Slice from;  // of Impl::networks; empty: from anywhere
  ActionSet permissions;
  bool admin : 1 = false;
  bool enabled : 1 = true;
  std::uint8_t unused : 6 = 0;
  std::uint8_t unused_too = 0;
  std::uint8_t name_size = 0;
  // Itself, its groups and everyone, as far as rules name them: here if they are few, else from
  // Impl::subjects[subjects[0]] on.
  std::uint32_t subject_count = 0;
  std::array<Subject, kFewSubjects> subjects{};
  // Here if it is short, else from Impl::long_names[long_name()] on.
  std::array<char, kShortName> name{};

  [[nodiscard]] std::uint32_t long_name() const {
    std::uint32_t place = 0;
    std::memcpy(&place, name.data(), sizeof place);
    return place;
  }
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
  std::vector<WallTime> since;  // by account
  IdTable account_table;
  std::string long_names;
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
  [[nodiscard]] std::string_view name_of(const Account& account) const {
    return account.name_size <= Account::kShortName
               ? std::string_view{account.name.data(), account.name_size}
               : std::string_view{long_names}.substr(account.long_name(), account.name_size);
  }
  [[nodiscard]] std::span<const Subject> subjects_of(const Account& account) const {
    return account.subject_count <= Account::kFewSubjects
               ? std::span{account.subjects.data(), account.subject_count}
               : std::span{subjects}.subspan(account.subjects[0], account.subject_count);
  }
  [[nodiscard]] const Account* find(std::string_view name) const {
    return find(name, hash_of(name));
  }
  [[nodiscard]] const Account* find(std::string_view name, std::uint64_t hash) const;
  [[nodiscard]] bool is_from(const Slice& slice, const IpAddress& address) const;
  [[nodiscard]] bool is_active(const RuleEntry& entry, const Principal& who) const;
};

}  // namespace layergate::acl
