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
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "acl/glob.h"
#include "base/id_table.h"

// What a decision needs on the stack is written before it is read, and clearing two kilobytes of it
// beforehand (-ftrivial-auto-var-init) would be a tenth of its time.
#define LAYERGATE_UNINITIALIZED __attribute__((uninitialized))

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
  // What find() will look at is brought into the cache meanwhile, in two steps: prefetch(), and
  // with what that returned, when it may have come, prefetch_text().
  [[nodiscard]] std::uint64_t prefetch(std::string_view text) const {
    const auto hash = hash_of(text);
    literals_.prefetch(hash);
    return hash;
  }
  void prefetch_text(std::uint64_t hash) const {
    const auto key = literals_.likely(hash);
    if (key != IdTable::kNone) __builtin_prefetch(texts_.data() + key);
  }

  // All of it as it lies in memory, to be kept and taken over again.
  struct Parts {
    std::string texts;
    std::vector<IdTable::Slot> literals, prefixes;
  };
  struct View {
    std::string_view texts;
    std::span<const IdTable::Slot> literals, prefixes;
  };
  [[nodiscard]] View view() const { return {texts_, literals_.slots(), prefixes_.slots()}; }
  // Nothing if a number in them leads nowhere.
  static std::optional<GlobKeys> adopt(Parts parts);
  // Whether text_of() may be asked for it.
  [[nodiscard]] bool is_key(GlobKey key) const {
    return key < texts_.size() && static_cast<unsigned char>(texts_[key]) < texts_.size() - key;
  }

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
