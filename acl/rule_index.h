// Finds the rules that speak of a subject and an image without walking them all.
//
// Each pattern of each rule is written down once for each subject of the rule, as an Entry. Entries
// lie together by subject and by the key of the pattern's name part (acl/glob_keys.h): that is a
// Node, found by one look into a hash table. In a node, those whose tag part is every tag come
// first, then the others in the order of their tag keys, to be found by binary search. So a
// decision costs (subjects of the account) x (keys that the name finds) looks, most of them at
// nothing.
//
// In a large policy nearly every step is a cache miss, and what a decision takes is the number of
// steps that wait for each other. So the nodes lie in the hash table itself, and the only entry of
// a node, as most have, lies in the node. A byte for each place, which a cache holds when it does
// not hold the table, says for most looks that there is nothing.
//
// Thread safety: immutable once built.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "acl/action.h"
#include "acl/glob_keys.h"
#include "acl/pattern.h"
#include "base/id_table.h"

namespace layergate::acl {

// An account, a group or everyone, as the compiler numbers them.
using Subject = std::uint32_t;
// Rules are numbered in the order of the files.
using RuleNumber = std::uint32_t;

class RuleIndex {
 public:
  // This and Node are kept on disk as they are (acl/compiled_form.h): they hold no padding.
  struct Entry {
    GlobKey tag = 0;
    RuleNumber rule = 0;
    std::uint32_t globs = 0;  // in Parts::globs, if one of the parts has to be compared
    ActionSet actions;
    bool deny : 1 = false;
    bool conditional : 1 = false;    // the rule has `expires` or `from`
    bool compares_name : 1 = false;  // the key alone does not decide
    bool compares_tag : 1 = false;
    bool every_tag : 1 = false;
    std::uint8_t unused : 3 = 0;
    std::uint16_t unused_too = 0;
  };

  // The entries of one subject and one key of names.
  struct Node {
    Subject subject = 0;
    GlobKey name = 0;
    std::uint32_t count = 0;  // of its entries; 0: an empty place of the table
    ActionSet allowed;        // what at least one entry allows
    ActionSet denied;
    std::uint16_t unused = 0;
    struct Many {
      std::uint32_t first;      // in Parts::entries
      std::uint32_t every_tag;  // how many of them, from the first on, have every tag
    };
    union {
      Entry only = {};  // if count is 1
      Many many;        // if it is more
    };
  };

  // Null if no rule says anything there.
  [[nodiscard]] const Node* find(Subject subject, GlobKey name) const {
    return parts_.nodes.empty() ? nullptr : find(pair_of(subject, name));
  }

  // Calls visit(node) for each node of one of the subjects and one of the names. Each step is taken
  // for all pairs before the next one, so that they wait for memory together.
  template <typename Visit>
  void for_each_node(std::span<const Subject> subjects, const FoundKeys& names, Visit visit) const;

  [[nodiscard]] std::span<const Entry> all(const Node& node) const {
    return node.count == 1 ? std::span(&node.only, 1)
                           : std::span(parts_.entries.data() + node.many.first, node.count);
  }
  [[nodiscard]] std::span<const Entry> with_every_tag(const Node& node) const {
    return all(node).first(every_tag_count(node));
  }
  // Without those of every tag.
  [[nodiscard]] std::span<const Entry> with_tag(const Node& node, GlobKey tag) const;
  [[nodiscard]] static bool has_only_every_tag(const Node& node) {
    return every_tag_count(node) == node.count;
  }

  // Whether an entry that was found by a key of repository, or of tag, matches it.
  [[nodiscard]] bool name_matches(const Entry& entry, std::string_view repository) const;
  [[nodiscard]] bool tag_matches(const Entry& entry, std::string_view tag) const;

  [[nodiscard]] const GlobKeys& names() const { return parts_.names; }
  [[nodiscard]] const GlobKeys& tags() const { return parts_.tags; }

  // What has to be compared of a pattern: places in Parts::glob_texts.
  struct Globs {
    std::uint32_t name = 0;
    std::uint32_t tag = 0;
  };
  // All of it as it lies in memory, to be kept and taken over again.
  struct Parts {
    GlobKeys names;
    GlobKeys tags;
    std::string glob_texts;  // each behind a byte that holds its length
    std::vector<Globs> globs;
    std::vector<Entry> entries;
    std::vector<Node> nodes;
  };
  [[nodiscard]] const Parts& parts() const { return parts_; }
  // Nothing if a number in them leads nowhere, or to a rule that is not below `rules`.
  static std::optional<RuleIndex> adopt(Parts parts, std::size_t rules);

 private:
  friend class RuleIndexBuilder;

  using Mark = std::uint8_t;
  static constexpr Mark kEmpty = 0;
  struct Pair {
    Subject subject;
    GlobKey name;
    std::size_t home;  // where the node would best be
    Mark mark;         // of its place
  };
  static constexpr std::size_t kPairs = 32;  // taken together

  [[nodiscard]] static std::size_t every_tag_count(const Node& node) {
    return node.count == 1 ? std::size_t{node.only.every_tag} : node.many.every_tag;
  }
  [[nodiscard]] Pair pair_of(Subject subject, GlobKey name) const {
    const auto hash = mix(std::uint64_t{subject} << 32 | name);
    return {subject, name, (hash >> 32) * parts_.nodes.size() >> 32,
            static_cast<Mark>((hash & 0xff) | 1)};
  }
  [[nodiscard]] std::size_t after(std::size_t at) const {
    return at + 1 == parts_.nodes.size() ? 0 : at + 1;
  }
  // The first place from `at` on that may be the pair's; its mark is kEmpty if there is none.
  [[nodiscard]] std::size_t next_like(const Pair& pair, std::size_t at) const {
    while (marks_[at] != kEmpty && marks_[at] != pair.mark) at = after(at);
    return at;
  }
  // REQUIRES: there are nodes.
  [[nodiscard]] const Node* find(const Pair& pair) const { return find(pair, pair.home); }
  [[nodiscard]] const Node* find(const Pair& pair, std::size_t from) const {
    for (auto at = next_like(pair, from); marks_[at] != kEmpty; at = next_like(pair, after(at))) {
      const Node& node = parts_.nodes[at];
      if (node.subject == pair.subject && node.name == pair.name) return &node;
    }
    return nullptr;
  }
  void mark_places();
  template <typename Visit>
  void visit_pairs(std::span<const Pair> pairs, Visit visit) const;
  [[nodiscard]] std::string_view glob_at(std::uint32_t place) const;
  [[nodiscard]] bool is_sound(const Entry& entry, std::size_t rules) const;

  Parts parts_;
  std::vector<Mark> marks_;  // by place in Parts::nodes
};

template <typename Visit>
void RuleIndex::for_each_node(std::span<const Subject> subjects, const FoundKeys& names,
                              Visit visit) const {
  if (parts_.nodes.empty()) return;
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init): filled as needed
  LAYERGATE_UNINITIALIZED std::array<Pair, kPairs> pairs;
  std::size_t count = 0;
  for (const Subject subject : subjects) {
    for (const GlobKey name : names) {
      pairs[count] = pair_of(subject, name);
      __builtin_prefetch(marks_.data() + pairs[count++].home);
      if (count < kPairs) continue;
      visit_pairs(pairs, visit);
      count = 0;
    }
  }
  visit_pairs({pairs.data(), count}, visit);
}

template <typename Visit>
void RuleIndex::visit_pairs(std::span<const Pair> pairs, Visit visit) const {
  struct Likely {
    const Pair* pair;
    std::size_t place;
  };
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init): filled as needed, as the next one
  LAYERGATE_UNINITIALIZED std::array<Likely, kPairs> likely;
  std::size_t likely_count = 0;
  for (const Pair& pair : pairs) {
    const auto place = next_like(pair, pair.home);
    if (marks_[place] == kEmpty) continue;
    __builtin_prefetch(parts_.nodes.data() + place);
    likely[likely_count++] = {&pair, place};
  }
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init)
  LAYERGATE_UNINITIALIZED std::array<const Node*, kPairs> found;
  std::size_t count = 0;
  for (std::size_t i = 0; i < likely_count; ++i) {
    const Node* node = find(*likely[i].pair, likely[i].place);
    if (node == nullptr) continue;
    if (node->count > 1) __builtin_prefetch(parts_.entries.data() + node->many.first);
    found[count++] = node;
  }
  for (std::size_t i = 0; i < count; ++i) visit(*found[i]);
}

class RuleIndexBuilder {
 public:
  struct Rule {
    RuleNumber number = 0;
    ActionSet actions;
    bool deny = false;
    bool conditional = false;
  };

  void add(const Rule& rule, const Pattern& pattern, std::span<const Subject> subjects);
  RuleIndex build();  // once, at the end

 private:
  struct Placed {
    Subject subject = 0;
    GlobKey name = 0;
    RuleIndex::Entry entry;
  };

  std::uint32_t add_globs(std::string_view name, std::string_view tag);
  std::uint32_t add_text(std::string_view glob);
  void add_node(std::span<const Placed> placed);

  RuleIndex index_;
  std::vector<Placed> placed_;
  std::unordered_map<std::string, std::uint32_t> globs_;  // by "name:tag"
};

}  // namespace layergate::acl
