// Finds the rules that speak of a subject and an image without walking them all.
//
// Each pattern of each rule is written down once for each subject of the rule, as a RuleEntry. The
// entries of a subject and a key of names (acl/glob_keys.h) lie together: that is a RuleNode, and
// the nodes of a key lie on its shelf (acl/rule_shelves.h). Of a node's entries those whose tag
// part is every tag come first, then the others in the order of their tag keys, to be found by
// binary search. So a decision costs (keys that the name finds) x (subjects of the account) looks
// at marks that lie side by side, most of which say that there is nothing.
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

#include "acl/glob_keys.h"
#include "acl/pattern.h"
#include "acl/rule_node.h"
#include "acl/rule_shelves.h"

namespace layergate::acl {

class RuleIndex {
 public:
  // Calls visit(node) for each node of one of the subjects and one of the names. Each step is taken
  // for all of them before the next one, so that they wait for memory together.
  template <typename Visit>
  void for_each_node(std::span<const Subject> subjects, const FoundKeys& names, Visit visit) const;

  // The entries of a node; if it is one, it lies in the node itself.
  [[nodiscard]] std::span<const RuleEntry> all(const RuleNode& node) const {
    return node.count == 1 ? std::span(&node.only, 1)
                           : std::span(parts_.entries.data() + node.many.first, node.count);
  }
  [[nodiscard]] std::span<const RuleEntry> with_every_tag(const RuleNode& node) const {
    return all(node).first(every_tag_count(node));
  }
  void all(RuleNode&&) const = delete;
  void with_every_tag(RuleNode&&) const = delete;
  // Without those of every tag.
  [[nodiscard]] std::span<const RuleEntry> with_tag(const RuleNode& node, GlobKey tag) const;
  void with_tag(RuleNode&&, GlobKey) const = delete;
  [[nodiscard]] static bool has_only_every_tag(const RuleNode& node) {
    return every_tag_count(node) == node.count;
  }

  // Whether an entry that was found by a key of repository, or of tag, matches it.
  [[nodiscard]] bool name_matches(const RuleEntry& entry, std::string_view repository) const;
  [[nodiscard]] bool tag_matches(const RuleEntry& entry, std::string_view tag) const;

  // The way to the keys of names, which are those of the shelves.
  [[nodiscard]] const KeyTables& names() const { return parts_.names; }
  [[nodiscard]] const RuleShelves& shelves() const { return parts_.shelves; }
  [[nodiscard]] const GlobKeys& tags() const { return parts_.tags; }

  // What has to be compared of a pattern: places in Parts::glob_texts.
  struct Globs {
    std::uint32_t name = 0;
    std::uint32_t tag = 0;
  };
  // All of it as it lies in memory, to be kept and taken over again.
  struct Parts {
    KeyTables names;
    RuleShelves shelves;
    GlobKeys tags;
    std::string glob_texts;  // each behind a byte that holds its length
    std::vector<Globs> globs;
    std::vector<RuleEntry> entries;
  };
  [[nodiscard]] const Parts& parts() const { return parts_; }
  // Nothing if a number in them leads nowhere, or to a rule that is not below `rules`. REQUIRES:
  // the names are keys of the shelves, and the tags sound.
  static std::optional<RuleIndex> adopt(Parts parts, std::size_t rules);

 private:
  friend class RuleIndexBuilder;

  // Where a subject's node is; at first, where it is if the mark there is not another's.
  struct Likely {
    GlobKey name;
    Subject subject;
    std::size_t place;
  };
  static constexpr std::size_t kTogether = 16;

  [[nodiscard]] static std::size_t every_tag_count(const RuleNode& node) {
    return node.count == 1 ? std::size_t{node.only.every_tag} : node.many.every_tag;
  }
  // Keeps of `likely` what there is, and visits it.
  template <typename Visit>
  void visit_likely(std::span<Likely> likely, Visit& visit) const;
  [[nodiscard]] std::string_view glob_at(std::uint32_t place) const;
  [[nodiscard]] bool is_sound(const RuleEntry& entry, std::size_t rules) const;
  [[nodiscard]] bool is_sound(const RuleNode& node, std::size_t rules) const;

  Parts parts_;
};

template <typename Visit>
void RuleIndex::for_each_node(std::span<const Subject> subjects, const FoundKeys& names,
                              Visit visit) const {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init): filled as needed
  LAYERGATE_UNINITIALIZED std::array<Likely, kTogether> likely;
  std::size_t count = 0;
  for (const GlobKey name : names) {
    const auto shelf = parts_.shelves[name];
    for (const Subject subject : subjects) {
      const auto place = shelf.approach(subject);
      if (!place) continue;
      likely[count++] = {name, subject, *place};
      if (count < kTogether) continue;
      visit_likely(likely, visit);
      count = 0;
    }
  }
  visit_likely({likely.data(), count}, visit);
}

template <typename Visit>
void RuleIndex::visit_likely(std::span<Likely> likely, Visit& visit) const {
  std::size_t count = 0;
  for (const auto& [name, subject, from] : likely) {
    const auto shelf = parts_.shelves[name];
    const auto place = shelf.find(subject, from);
    if (!place) continue;
    const auto node = shelf.node(*place);
    if (node.count > 1) __builtin_prefetch(parts_.entries.data() + node.many.first);
    likely[count++] = {name, subject, *place};
  }
  for (const auto& each : likely.first(count)) visit(parts_.shelves[each.name].node(each.place));
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
    GlobKey name = 0;  // in names_
    Subject subject = 0;
    RuleEntry entry;
  };

  std::uint32_t add_globs(std::string_view name, std::string_view tag);
  std::uint32_t add_text(std::string_view glob);
  RuleNode node_of(std::span<const Placed> placed);

  RuleIndex index_;
  GlobKeys names_;
  std::vector<Placed> placed_;
  std::unordered_map<std::string, std::uint32_t> globs_;  // by "name:tag"
};

}  // namespace layergate::acl
