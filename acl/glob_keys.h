// Which of many globs can match a text at all, without trying each.
//
// Every glob has a key: the glob itself if it has no wildcard, or else what stands before its first
// one. Globs with the same key share its number, which is the place of its text. A text finds the
// keys of all globs that could match it: itself, and those of its prefixes that are the key of some
// glob.
//
// Thread safety: reading only, any number of threads; adding, one.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <string>
#include <string_view>

#include "acl/glob.h"
#include "base/id_table.h"

namespace layergate::acl {

using GlobKey = std::uint32_t;

// The keys that one text finds; on the stack, so that a decision allocates nothing.
class FoundKeys {
 public:
  FoundKeys() {}  // NOLINT(cppcoreguidelines-pro-type-member-init): a kilobyte, written as needed

  [[nodiscard]] const GlobKey* begin() const { return keys_.data(); }
  [[nodiscard]] const GlobKey* end() const { return keys_.data() + count_; }
  void push_back(GlobKey key) { keys_[count_++] = key; }

 private:
  std::array<GlobKey, kLongestGlob + 2> keys_;  // each prefix, the empty one, and the text itself
  std::size_t count_ = 0;
};

class GlobKeys {
 public:
  // The number of the glob's key; a new one if it has not been seen. REQUIRES: the glob is no
  // longer than kLongestGlob, and all keys together than 4 GiB.
  GlobKey add(std::string_view glob);
  void find(std::string_view text, FoundKeys& keys) const;
  // What globs with this key have in common: the whole glob, or what stands before its first
  // wildcard.
  [[nodiscard]] std::string_view text_of(GlobKey key) const;
  [[nodiscard]] bool is_literal(GlobKey key) const {
    const auto text = text_of(key);
    return find_one(literals_, hash_of(text), text) == key;
  }
  // What find() will look at first, brought into the cache meanwhile.
  void prefetch(std::string_view text) const { literals_.prefetch(hash_of(text)); }

 private:
  static std::uint64_t hash_of(std::string_view text);
  [[nodiscard]] GlobKey find_one(const IdTable& table, std::uint64_t hash,
                                 std::string_view text) const;

  std::string texts_;  // each behind a byte that holds its length
  IdTable literals_;
  IdTable prefixes_;
  std::bitset<kLongestGlob + 1> prefix_lengths_;  // those that some key has
  std::size_t longest_prefix_ = 0;
};

}  // namespace layergate::acl
