// Which of many globs can match a text at all, without trying each.
//
// Every glob has a key: the glob itself if it has no wildcard, or else what stands before its first
// one. Globs with the same key share its number. A text finds the keys of all globs that could
// match it: itself, and those of its prefixes that are the key of some glob.
//
// Thread safety: reading only, any number of threads; adding, one.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "acl/glob.h"
#include "acl/id_table.h"
#include "acl/text_arena.h"

namespace layergate::acl {

using GlobKey = std::uint32_t;

// The keys that one text finds; on the stack, so that a decision allocates nothing.
class FoundKeys {
 public:
  [[nodiscard]] const GlobKey* begin() const { return keys_.data(); }
  [[nodiscard]] const GlobKey* end() const { return keys_.data() + count_; }
  void push_back(GlobKey key) { keys_[count_++] = key; }

 private:
  std::array<GlobKey, kLongestGlob + 2> keys_;  // each prefix, the empty one, and the text itself
  std::size_t count_ = 0;
};

class GlobKeys {
 public:
  // The number of the glob's key; a new one if it has not been seen.
  GlobKey add(std::string_view glob);
  void find(std::string_view text, FoundKeys& keys) const;

 private:
  struct Key {
    std::string_view text;  // in arena_
    bool literal;
  };

  static std::uint64_t hash_of(std::string_view text);
  [[nodiscard]] GlobKey find_one(std::uint64_t hash, std::string_view text, bool literal) const;

  TextArena arena_;
  std::vector<Key> keys_;
  IdTable literals_;
  IdTable prefixes_;
  std::bitset<kLongestGlob + 1> prefix_lengths_;  // those that some key has
  std::size_t longest_prefix_ = 0;
};

}  // namespace layergate::acl
