// What rules say of repositories, by the key of the name (acl/glob_keys.h): for each key a shelf,
// on which lies all that a decision reads about it, side by side:
//
//   the number of its places, and the key's text behind its length;
//   a mark for each place;
//   the places: a hash table of nodes by subject, half of it empty.
//
// A mark is seven bits of the subject's hash, or says that the place is empty. Most looks are for
// subjects that are not there, and end at the marks.
//
// In a large policy nearly every step is a cache miss and a walk through the page tables, so what a
// decision takes is the number of pages that it reads. A key is the number of its shelf's first
// unit.
//
// Thread safety: immutable once built.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "acl/rule_node.h"
#include "base/id_table.h"

namespace layergate::acl {

class RuleShelves {
 public:
  struct alignas(32) Unit {
    std::array<char, 32> bytes;
  };

  class Shelf;

  // The key of a new shelf. Throws std::length_error if there is no number left for it. REQUIRES:
  // the text is no longer than kLongestGlob, there are nodes, and each is of another subject.
  GlobKey add(std::string_view text, std::span<const RuleNode> nodes);
  void shrink_to_fit() { units_.shrink_to_fit(); }

  [[nodiscard]] Shelf operator[](GlobKey key) const;
  [[nodiscard]] std::string_view text_of(GlobKey key) const {
    const char* const head = bytes_of(key);
    return {head + kText, static_cast<unsigned char>(head[kTextSize])};
  }
  void prefetch(GlobKey key) const {
    __builtin_prefetch(units_.data() + key);
    __builtin_prefetch(units_.data() + key + kUnitsOfALine);
  }

  // All of it as it lies in memory, to be kept and taken over again. What was taken over must be
  // asked is_key() for each key before anything else, and then is_sound() of its shelf.
  [[nodiscard]] const std::vector<Unit>& units() const { return units_; }
  static RuleShelves adopt(std::vector<Unit> units);
  // Whether there is room for the shelf that seems to begin there.
  [[nodiscard]] bool is_key(GlobKey key) const;
  // How many units it takes. REQUIRES: is_key().
  [[nodiscard]] std::size_t size_of(GlobKey key) const;

 private:
  // In the bytes of a shelf's first units.
  static constexpr std::size_t kTextSize = sizeof(std::uint32_t);
  static constexpr std::size_t kText = kTextSize + 1;
  static constexpr std::size_t kUnitsOfALine = 64 / sizeof(Unit);

  static std::size_t units_for(std::size_t bytes) {
    return (bytes + sizeof(Unit) - 1) / sizeof(Unit);
  }
  // The units' bytes from there on; a text may go on into the next ones.
  [[nodiscard]] const char* bytes_of(GlobKey key) const {
    return reinterpret_cast<const char*>(units_.data() + key);
  }
  [[nodiscard]] std::size_t places_of(GlobKey key) const {
    std::uint32_t places = 0;
    std::memcpy(&places, bytes_of(key), sizeof places);
    return places;
  }

  std::vector<Unit> units_;
};

class RuleShelves::Shelf {
 public:
  [[nodiscard]] std::size_t places() const { return places_; }
  // Whether each look ends, and those for the subjects of its nodes come by them.
  [[nodiscard]] bool is_sound() const;
  [[nodiscard]] bool is_empty(std::size_t place) const { return marks_[place] == kEmpty; }
  // REQUIRES: it is not empty.
  [[nodiscard]] RuleNode node(std::size_t place) const {
    return std::bit_cast<RuleNode>(nodes_[place]);
  }

  // A look for a subject in two steps: the first place that may be the subject's, if there is one,
  // whose node is asked for; and, from there on, the place that is.
  [[nodiscard]] std::optional<std::size_t> approach(Subject subject) const {
    const auto [home, mark] = home_of(subject);
    const auto place = next_like(mark, home);
    if (is_empty(place)) return std::nullopt;
    __builtin_prefetch(nodes_ + place);
    return place;
  }
  [[nodiscard]] std::optional<std::size_t> find(Subject subject, std::size_t from) const {
    const auto mark = home_of(subject).mark;
    for (auto at = next_like(mark, from); !is_empty(at); at = next_like(mark, after(at))) {
      if (node(at).subject == subject) return at;
    }
    return std::nullopt;
  }

 private:
  friend class RuleShelves;

  static constexpr char kEmpty = 0;
  struct Home {
    std::size_t place;
    char mark;
  };

  Shelf(std::size_t places, const char* marks, const Unit* nodes)
      : places_(places), marks_(marks), nodes_(nodes) {}

  [[nodiscard]] Home home_of(Subject subject) const {
    const auto hash = mix(subject);
    return {(hash >> 32) * places_ >> 32, static_cast<char>((hash & 0xff) | 1)};
  }
  [[nodiscard]] std::size_t after(std::size_t at) const { return at + 1 == places_ ? 0 : at + 1; }
  // The first place from `at` on that has the mark, or is empty.
  [[nodiscard]] std::size_t next_like(char mark, std::size_t at) const {
    while (marks_[at] != kEmpty && marks_[at] != mark) at = after(at);
    return at;
  }

  std::size_t places_;
  const char* marks_;
  const Unit* nodes_;
};

inline RuleShelves::Shelf RuleShelves::operator[](GlobKey key) const {
  const auto places = places_of(key);
  const auto marks = kText + text_of(key).size();
  return {places, bytes_of(key) + marks, units_.data() + key + units_for(marks + places)};
}

}  // namespace layergate::acl
