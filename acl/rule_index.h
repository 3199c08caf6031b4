// Finds the rules that speak of a subject and an image without walking them all.
//
// Each pattern of each rule is written down once for each subject of the rule, as an Entry. Entries
// lie together by subject and by the key of the pattern's name part (acl/glob_keys.h): that is a
// Node, found by one look into a hash table. In a node, those whose tag part is every tag come
// first, then the others in the order of their tag keys, to be found by binary search. So a
// decision costs (subjects of the account) x (keys that the name finds) looks, most of them at
// nothing.
//
// Thread safety: immutable once built.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "acl/action.h"
#include "acl/glob_keys.h"
#include "acl/pattern.h"
#include "acl/text_arena.h"
#include "base/id_table.h"

namespace layergate::acl {

// An account, a group or everyone, as the compiler numbers them.
using Subject = std::uint32_t;
// Rules are numbered in the order of the files.
using RuleNumber = std::uint32_t;

class RuleIndex {
 public:
  struct Entry {
    GlobKey tag = 0;
    RuleNumber rule = 0;
    std::uint32_t glob = 0;  // in globs_, if one of the parts has to be compared
    ActionSet actions;
    bool deny : 1 = false;
    bool conditional : 1 = false;    // the rule has `expires` or `from`
    bool compares_name : 1 = false;  // the key alone does not decide
    bool compares_tag : 1 = false;
    bool every_tag : 1 = false;
  };

  struct Node {
    Subject subject = 0;
    GlobKey name = 0;
    std::uint32_t first = 0;  // of its entries
    std::uint32_t count = 0;
    std::uint32_t every_tag = 0;  // how many of them, from the first on, have every tag
    ActionSet allowed;            // what at least one entry allows
    ActionSet denied;
  };

  // Null if no rule says anything there.
  [[nodiscard]] const Node* find(Subject subject, GlobKey name) const;

  // Calls visit(node) for each node of one of the subjects and one of the names. In a large policy
  // nearly every step here is a cache miss; so each step is taken for all pairs before the next
  // one, and they wait for memory together.
  template <typename Visit>
  void for_each_node(std::span<const Subject> subjects, const FoundKeys& names, Visit visit) const;

  [[nodiscard]] std::span<const Entry> all(const Node& node) const {
    return {entries_.data() + node.first, node.count};
  }
  [[nodiscard]] std::span<const Entry> with_every_tag(const Node& node) const {
    return {entries_.data() + node.first, node.every_tag};
  }
  // Without those of every tag.
  [[nodiscard]] std::span<const Entry> with_tag(const Node& node, GlobKey tag) const;

  // Whether an entry that was found by a key of repository, or of tag, matches it.
  [[nodiscard]] bool name_matches(const Entry& entry, std::string_view repository) const;
  [[nodiscard]] bool tag_matches(const Entry& entry, std::string_view tag) const;

  [[nodiscard]] const GlobKeys& names() const { return names_; }
  [[nodiscard]] const GlobKeys& tags() const { return tags_; }
  [[nodiscard]] bool has_rules(Subject subject) const;

 private:
  friend class RuleIndexBuilder;
  struct Glob {
    std::string_view name, tag;  // in arena_
  };

  struct Pair {
    Subject subject;
    GlobKey name;
    std::uint64_t hash;
  };
  static constexpr std::size_t kPairs = 32;  // taken together

  static std::uint64_t hash_of(Subject subject, GlobKey name) {
    return mix(std::uint64_t{subject} << 32 | name);
  }
  [[nodiscard]] const Node* find(const Pair& pair) const {
    const auto id = node_table_.find(pair.hash, [&](std::uint32_t candidate) {
      return nodes_[candidate].subject == pair.subject && nodes_[candidate].name == pair.name;
    });
    return id == IdTable::kNone ? nullptr : &nodes_[id];
  }
  template <typename Visit>
  void visit_pairs(std::span<const Pair> pairs, Visit visit) const;

  GlobKeys names_;
  GlobKeys tags_;
  TextArena arena_;
  std::vector<Glob> globs_;
  std::vector<Entry> entries_;
  std::vector<Node> nodes_;  // in the order of their subjects
  IdTable node_table_;
};

template <typename Visit>
void RuleIndex::for_each_node(std::span<const Subject> subjects, const FoundKeys& names,
                              Visit visit) const {
  std::array<Pair, kPairs> pairs;  // NOLINT(cppcoreguidelines-pro-type-member-init): filled below
  std::size_t count = 0;
  for (const Subject subject : subjects) {
    for (const GlobKey name : names) {
      const auto hash = hash_of(subject, name);
      node_table_.prefetch(hash);
      pairs[count++] = {subject, name, hash};
      if (count < kPairs) continue;
      visit_pairs(pairs, visit);
      count = 0;
    }
  }
  visit_pairs({pairs.data(), count}, visit);
}

template <typename Visit>
void RuleIndex::visit_pairs(std::span<const Pair> pairs, Visit visit) const {
  for (const Pair& pair : pairs) {
    // Probably the one: the hash agrees. What find() says counts.
    const auto likely = node_table_.find(pair.hash, [](std::uint32_t) { return true; });
    if (likely != IdTable::kNone) __builtin_prefetch(&nodes_[likely]);
  }
  std::array<const Node*, kPairs> found{};
  std::size_t count = 0;
  for (const Pair& pair : pairs) {
    const Node* node = find(pair);
    if (node == nullptr) continue;
    __builtin_prefetch(&entries_[node->first]);
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

  RuleIndex index_;
  std::vector<Placed> placed_;
};

}  // namespace layergate::acl
