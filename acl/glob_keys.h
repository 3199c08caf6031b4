// Which of many globs can match a text at all, without trying each.
//
// Every glob has a key: the glob itself if it has no wildcard, or else what stands before its first
// one. Globs with the same key share its number, which says where its text lies. A text finds the
// keys of all globs that could match it: itself, and those of its prefixes that are the key of some
// glob.
//
// Thread safety: reading only, any number of threads; adding, one.
#pragma once

#include <algorithm>
#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "acl/glob.h"
#include "base/id_table.h"

// What a decision needs on the stack is written before it is read, and clearing kilobytes of it
// beforehand (-ftrivial-auto-var-init) would be a tenth of its time.
#define LAYERGATE_UNINITIALIZED __attribute__((uninitialized))

namespace layergate::acl {

using GlobKey = std::uint32_t;

// Each prefix of a text, the empty one, and the text itself.
inline constexpr std::size_t kMostKeys = kLongestGlob + 2;

// The keys that one text finds; on the stack, so that a decision allocates nothing.
class FoundKeys {
 public:
  FoundKeys() {}  // NOLINT(cppcoreguidelines-pro-type-member-init): a kilobyte, written as needed

  [[nodiscard]] const GlobKey* begin() const { return keys_.data(); }
  [[nodiscard]] const GlobKey* end() const { return keys_.data() + count_; }
  void push_back(GlobKey key) { keys_[count_++] = key; }

 private:
  std::array<GlobKey, kMostKeys> keys_;
  std::size_t count_ = 0;
};

// The way from a text to its keys. The keys' texts lie with whoever numbers them: `texts` has
// text_of(key), prefetch(key) and is_key(key).
class KeyTables {
 public:
  // IdTable::kNone if the glob's key has no number yet.
  template <typename Texts>
  [[nodiscard]] GlobKey find_glob(std::string_view glob, const Texts& texts) const {
    const auto text = literal_prefix(glob);
    return find_one(text.size() < glob.size() ? prefixes_ : literals_, hash_of(text), text, texts);
  }
  // REQUIRES: the glob's key has no number yet, and has this one now.
  template <typename Texts>
  void insert(std::string_view glob, GlobKey key, const Texts& texts) {
    const auto text = literal_prefix(glob);
    const bool is_prefix = text.size() < glob.size();
    (is_prefix ? prefixes_ : literals_).insert(hash_of(text), key, [&](GlobKey other) {
      return hash_of(texts.text_of(other));
    });
    if (is_prefix) add_prefix_length(text.size());
  }
  template <typename Texts>
  [[nodiscard]] bool is_literal(GlobKey key, const Texts& texts) const {
    const auto text = texts.text_of(key);
    return find_one(literals_, hash_of(text), text, texts) == key;
  }
  // Gives each key the number new_of(key). REQUIRES: they differ, and none is IdTable::kNone.
  template <typename NewOf>
  void renumber(NewOf new_of) {
    literals_.renumber(new_of);
    prefixes_.renumber(new_of);
  }

  // As they lie in memory, to be kept and taken over again.
  using Slots = std::vector<IdTable::Slot>;
  [[nodiscard]] std::span<const IdTable::Slot> literals() const { return literals_.slots(); }
  [[nodiscard]] std::span<const IdTable::Slot> prefixes() const { return prefixes_.slots(); }
  // Nothing if a number in them is not is_key().
  template <typename Texts>
  static std::optional<KeyTables> adopt(Slots literals, Slots prefixes, const Texts& texts) {
    KeyTables tables;
    const auto is_key = [&](GlobKey key) { return texts.is_key(key); };
    if (!tables.literals_.adopt(std::move(literals), is_key) ||
        !tables.prefixes_.adopt(std::move(prefixes), is_key)) {
      return std::nullopt;
    }
    for (const auto& slot : tables.prefixes()) {
      if (slot.id != IdTable::kNone) tables.add_prefix_length(texts.text_of(slot.id).size());
    }
    return tables;
  }

 private:
  friend class KeySearch;

  static std::uint64_t hash_of(std::string_view text) {
    RunningHash hash;
    for (const char c : text) hash.add(c);
    return hash.value();
  }
  template <typename Texts>
  [[nodiscard]] static GlobKey find_one(const IdTable& table, std::uint64_t hash,
                                        std::string_view text, const Texts& texts) {
    return table.find(hash, [&](GlobKey key) { return texts.text_of(key) == text; });
  }
  void add_prefix_length(std::size_t length) {
    prefix_lengths_.set(length);
    longest_prefix_ = std::max(longest_prefix_, length);
  }

  IdTable literals_;
  IdTable prefixes_;
  std::bitset<kLongestGlob + 1> prefix_lengths_;  // those that some key has
  std::size_t longest_prefix_ = 0;
};

// One text's way to its keys, in steps between which the caller can do something else: each step
// asks for the memory that the next one reads.
class KeySearch {
 public:
  // Tables and text must outlive it.
  KeySearch(const KeyTables& tables, std::string_view text)  // NOLINT(*-member-init): as needed
      : tables_(tables), text_(text) {
    RunningHash hash;
    if (tables.prefix_lengths_[0]) add(tables.prefixes_, hash, 0);
    for (std::size_t i = 0; i < text.size(); ++i) {
      hash.add(text[i]);
      if (i < tables.longest_prefix_ && tables.prefix_lengths_[i + 1]) {
        add(tables.prefixes_, hash, i + 1);
      }
    }
    add(tables.literals_, hash, text.size());
  }

  template <typename Texts>
  void approach(const Texts& texts) {
    for (std::size_t i = 0; i < count_; ++i) {
      auto& step = steps_[i];
      step.likely = table_of(i).likely(step.hash);
      if (step.likely != IdTable::kNone) texts.prefetch(step.likely);
    }
  }

  // REQUIRES: it has approached these texts.
  template <typename Texts>
  void finish(const Texts& texts, FoundKeys& keys) const {
    for (std::size_t i = 0; i < count_; ++i) {
      const auto& step = steps_[i];
      if (step.likely == IdTable::kNone) continue;
      const auto text = text_.substr(0, step.length);
      if (texts.text_of(step.likely) == text) {
        keys.push_back(step.likely);
      } else if (const auto key = KeyTables::find_one(table_of(i), step.hash, text, texts);
                 key != IdTable::kNone) {
        keys.push_back(key);
      }
    }
  }

 private:
  struct Step {
    std::uint64_t hash;
    GlobKey likely;
    std::uint32_t length;
  };

  void add(const IdTable& table, const RunningHash& hash, std::size_t length) {
    auto& step = steps_[count_++];
    step.hash = hash.value();
    step.length = static_cast<std::uint32_t>(length);
    table.prefetch(step.hash);
  }
  // The last step is the text itself.
  [[nodiscard]] const IdTable& table_of(std::size_t step) const {
    return step + 1 == count_ ? tables_.literals_ : tables_.prefixes_;
  }

  const KeyTables& tables_;
  std::string_view text_;
  std::array<Step, kMostKeys> steps_;
  std::size_t count_ = 0;
};

// All steps at once.
template <typename Texts>
void find_keys(const KeyTables& tables, const Texts& texts, std::string_view text,
               FoundKeys& keys) {
  LAYERGATE_UNINITIALIZED KeySearch search(tables, text);
  search.approach(texts);
  search.finish(texts, keys);
}

// Keys with their texts, and nothing else.
class GlobKeys {
 public:
  // The number of the glob's key; a new one if it has not been seen. REQUIRES: the glob is no
  // longer than kLongestGlob, and all keys together than 4 GiB.
  GlobKey add(std::string_view glob);
  void find(std::string_view text, FoundKeys& keys) const { find_keys(tables_, *this, text, keys); }
  // What globs with this key have in common: the whole glob, or what stands before its first
  // wildcard.
  [[nodiscard]] std::string_view text_of(GlobKey key) const;
  [[nodiscard]] bool is_literal(GlobKey key) const { return tables_.is_literal(key, *this); }
  void prefetch(GlobKey key) const { __builtin_prefetch(texts_.data() + key); }

  [[nodiscard]] const KeyTables& tables() const& { return tables_; }
  [[nodiscard]] KeyTables tables() && { return std::move(tables_); }
  [[nodiscard]] const std::string& texts() const { return texts_; }
  // Takes over what these two gave. Nothing if a number in them leads nowhere.
  static std::optional<GlobKeys> adopt(std::string texts, KeyTables::Slots literals,
                                       KeyTables::Slots prefixes);
  // Whether text_of() may be asked for it.
  [[nodiscard]] bool is_key(GlobKey key) const {
    return key < texts_.size() && static_cast<unsigned char>(texts_[key]) < texts_.size() - key;
  }

 private:
  std::string texts_;  // each behind a byte that holds its length
  KeyTables tables_;
};

}  // namespace layergate::acl
