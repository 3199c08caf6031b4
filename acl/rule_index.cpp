#include "acl/rule_index.h"

#include <algorithm>
#include <memory>
#include <tuple>
#include <utility>

#include "acl/glob.h"

namespace layergate::acl {
namespace {

// Whether every text that begins with the glob's literal prefix matches it.
bool is_prefix_and(std::string_view glob, std::string_view wildcard) {
  return glob.substr(literal_prefix(glob).size()) == wildcard;
}

}  // namespace

std::span<const RuleEntry> RuleIndex::with_tag(const RuleNode& node, GlobKey tag) const {
  const auto entries = all(node).subspan(every_tag_count(node));
  const auto begin = std::lower_bound(entries.begin(), entries.end(), tag,
                                      [](const RuleEntry& e, GlobKey key) { return e.tag < key; });
  auto end = begin;
  while (end != entries.end() && end->tag == tag) ++end;
  return {begin, end};
}

std::string_view RuleIndex::glob_at(std::uint32_t place) const {
  const std::string_view texts = parts_.glob_texts;
  return texts.substr(place + 1, static_cast<unsigned char>(texts[place]));
}

bool RuleIndex::name_matches(const RuleEntry& entry, std::string_view repository) const {
  return !entry.compares_name || glob_matches(glob_at(parts_.globs[entry.globs].name), repository);
}

bool RuleIndex::tag_matches(const RuleEntry& entry, std::string_view tag) const {
  return !entry.compares_tag || glob_matches(glob_at(parts_.globs[entry.globs].tag), tag);
}

bool RuleIndex::is_sound(const RuleEntry& entry, std::size_t rules) const {
  const bool compares = entry.compares_name || entry.compares_tag;
  return parts_.tags.is_key(entry.tag) && entry.rule < std::max<std::size_t>(rules, 1) &&
         (!compares || entry.globs < parts_.globs.size());
}

bool RuleIndex::is_sound(const RuleNode& node, std::size_t rules) const {
  if (node.count == 1) return is_sound(node.only, rules);
  return node.count > 0 && node.many.first <= parts_.entries.size() &&
         node.count <= parts_.entries.size() - node.many.first && node.many.every_tag <= node.count;
}

std::optional<RuleIndex> RuleIndex::adopt(Parts parts, std::size_t rules) {
  RuleIndex index;
  index.parts_ = std::move(parts);
  const auto& [names, shelves, tags, texts, globs, entries] = index.parts_;
  const auto leads_to_text = [&, &all = texts](std::uint32_t place) {
    return place < all.size() && static_cast<unsigned char>(all[place]) < all.size() - place;
  };
  const auto is_sound = [&](const RuleEntry& entry) { return index.is_sound(entry, rules); };
  if (!std::all_of(
          globs.begin(), globs.end(),
          [&](const Globs& each) { return leads_to_text(each.name) && leads_to_text(each.tag); }) ||
      !std::all_of(entries.begin(), entries.end(), is_sound)) {
    return std::nullopt;
  }
  std::size_t units = 0;  // so that no two names share one, and each is looked through once
  for (const auto& slots : {names.literals(), names.prefixes()}) {
    for (const auto& slot : slots) {
      if (slot.id == IdTable::kNone) continue;
      units += shelves.size_of(slot.id);
      const auto shelf = shelves[slot.id];
      if (units > shelves.units().size() || !shelf.is_sound()) return std::nullopt;
      for (std::size_t place = 0; place < shelf.places(); ++place) {
        if (!shelf.is_empty(place) && !index.is_sound(shelf.node(place), rules)) {
          return std::nullopt;
        }
      }
    }
  }
  return index;
}

std::uint32_t RuleIndexBuilder::add_text(std::string_view glob) {
  auto& texts = index_.parts_.glob_texts;
  const auto place = static_cast<std::uint32_t>(texts.size());
  static_assert(kLongestGlob <= 255, "a byte holds the length");
  texts += static_cast<char>(glob.size());
  texts += glob;
  return place;
}

std::uint32_t RuleIndexBuilder::add_globs(std::string_view name, std::string_view tag) {
  auto& globs = index_.parts_.globs;
  const auto number = static_cast<std::uint32_t>(globs.size());
  const auto [known, is_new] =
      globs_.try_emplace(std::string(name).append(":").append(tag), number);
  if (is_new) globs.push_back({add_text(name), add_text(tag)});
  return known->second;
}

void RuleIndexBuilder::add(const Rule& rule, const Pattern& pattern,
                           std::span<const Subject> subjects) {
  if (subjects.empty()) return;  // each of names_ gets a shelf
  RuleEntry entry;
  entry.tag = index_.parts_.tags.add(pattern.tag);
  entry.rule = rule.number;
  entry.actions = rule.actions;
  entry.deny = rule.deny;
  entry.conditional = rule.conditional;
  entry.every_tag = pattern.is_every_tag();
  entry.compares_name = !is_literal(pattern.name) && !is_prefix_and(pattern.name, "**");
  entry.compares_tag =  // in a tag, which has no '/', one star is as good as two
      !entry.every_tag && !is_literal(pattern.tag) && !is_prefix_and(pattern.tag, "*");
  if (entry.compares_name || entry.compares_tag) {
    entry.globs = add_globs(entry.compares_name ? std::string_view{pattern.name} : "",
                            entry.compares_tag ? std::string_view{pattern.tag} : "");
  }
  const auto name = names_.add(pattern.name);
  for (const Subject subject : subjects) placed_.push_back({name, subject, entry});
}

RuleNode RuleIndexBuilder::node_of(std::span<const Placed> placed) {
  auto& entries = index_.parts_.entries;
  RuleNode node;
  node.subject = placed.front().subject;
  node.count = static_cast<std::uint32_t>(placed.size());
  if (placed.size() == 1) {
    node.only = placed.front().entry;
  } else {
    std::construct_at(&node.many, RuleNode::Many{static_cast<std::uint32_t>(entries.size()), 0, 0});
  }
  for (const Placed& each : placed) {
    (each.entry.deny ? node.denied : node.allowed).insert(each.entry.actions);
    if (placed.size() == 1) continue;
    if (each.entry.every_tag) ++node.many.every_tag;
    entries.push_back(each.entry);
  }
  return node;
}

RuleIndex RuleIndexBuilder::build() {
  std::sort(placed_.begin(), placed_.end(), [](const Placed& a, const Placed& b) {
    const bool a_rest = !a.entry.every_tag;
    const bool b_rest = !b.entry.every_tag;
    return std::tie(a.name, a.subject, a_rest, a.entry.tag, a.entry.rule) <
           std::tie(b.name, b.subject, b_rest, b.entry.tag, b.entry.rule);
  });
  // The shelves lie in the order in which the files speak of their names.
  std::vector<std::pair<GlobKey, GlobKey>> shelf_of;  // sorted by the key in names_
  std::vector<RuleNode> nodes;
  const std::span<const Placed> all = placed_;
  for (std::size_t begin = 0, end = 0; begin < all.size(); begin = end) {
    const auto& first = all[begin];
    while (end < all.size() && all[end].name == first.name && all[end].subject == first.subject) {
      ++end;
    }
    nodes.push_back(node_of(all.subspan(begin, end - begin)));
    if (end < all.size() && all[end].name == first.name) continue;
    shelf_of.emplace_back(first.name, index_.parts_.shelves.add(names_.text_of(first.name), nodes));
    nodes.clear();
  }
  index_.parts_.names = std::move(names_).tables();
  index_.parts_.names.renumber([&](GlobKey name) {
    return std::lower_bound(shelf_of.begin(), shelf_of.end(), std::pair(name, GlobKey{0}))->second;
  });
  placed_ = {};
  globs_ = {};
  names_ = {};
  index_.parts_.shelves.shrink_to_fit();
  index_.parts_.entries.shrink_to_fit();
  index_.parts_.glob_texts.shrink_to_fit();
  index_.parts_.globs.shrink_to_fit();
  return std::move(index_);
}

}  // namespace layergate::acl
