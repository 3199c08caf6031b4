#include "acl/rule_index.h"

#include <algorithm>
#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>

#include "acl/glob.h"

namespace layergate::acl {
namespace {

// Whether every text that begins with the glob's literal prefix matches it.
bool is_prefix_and(std::string_view glob, std::string_view wildcard) {
  return glob.substr(literal_prefix(glob).size()) == wildcard;
}

// Places of the table for each node: half of them empty, for most looks are for what is not there.
constexpr std::size_t kPlaces = 2;

static_assert(sizeof(RuleIndex::Entry) == 16 && sizeof(RuleIndex::Node) == 32);
static_assert(std::is_trivially_copyable_v<RuleIndex::Node>);

}  // namespace

std::span<const RuleIndex::Entry> RuleIndex::with_tag(const Node& node, GlobKey tag) const {
  const auto entries = all(node).subspan(every_tag_count(node));
  const auto begin = std::lower_bound(entries.begin(), entries.end(), tag,
                                      [](const Entry& e, GlobKey key) { return e.tag < key; });
  auto end = begin;
  while (end != entries.end() && end->tag == tag) ++end;
  return {begin, end};
}

std::string_view RuleIndex::glob_at(std::uint32_t place) const {
  const std::string_view texts = parts_.glob_texts;
  return texts.substr(place + 1, static_cast<unsigned char>(texts[place]));
}

bool RuleIndex::name_matches(const Entry& entry, std::string_view repository) const {
  return !entry.compares_name || glob_matches(glob_at(parts_.globs[entry.globs].name), repository);
}

bool RuleIndex::tag_matches(const Entry& entry, std::string_view tag) const {
  return !entry.compares_tag || glob_matches(glob_at(parts_.globs[entry.globs].tag), tag);
}

bool RuleIndex::is_sound(const Entry& entry, std::size_t rules) const {
  const bool compares = entry.compares_name || entry.compares_tag;
  return parts_.tags.is_key(entry.tag) && entry.rule < std::max<std::size_t>(rules, 1) &&
         (!compares || entry.globs < parts_.globs.size());
}

std::optional<RuleIndex> RuleIndex::adopt(Parts parts, std::size_t rules) {
  RuleIndex index;
  index.parts_ = std::move(parts);
  const auto& [names, tags, texts, globs, entries, nodes] = index.parts_;
  const auto leads_to_text = [&, &all = texts](std::uint32_t place) {
    return place < all.size() && static_cast<unsigned char>(all[place]) < all.size() - place;
  };
  if (!std::all_of(globs.begin(), globs.end(), [&](const Globs& each) {
        return leads_to_text(each.name) && leads_to_text(each.tag);
      })) {
    return std::nullopt;
  }
  const auto is_sound = [&](const Entry& entry) { return index.is_sound(entry, rules); };
  if (!std::all_of(entries.begin(), entries.end(), is_sound)) return std::nullopt;
  bool has_empty = nodes.empty();
  for (const Node& node : nodes) {
    if (node.count == 0) {
      has_empty = true;
    } else if (node.count == 1) {
      if (!is_sound(node.only)) return std::nullopt;
    } else if (node.many.first > entries.size() || node.count > entries.size() - node.many.first ||
               node.many.every_tag > node.count) {
      return std::nullopt;
    }
  }
  // A look for what is not there ends at an empty place.
  if (!has_empty || nodes.size() > UINT32_MAX) return std::nullopt;
  index.mark_places();
  return index;
}

void RuleIndex::mark_places() {
  marks_.resize(parts_.nodes.size());
  for (std::size_t at = 0; at < marks_.size(); ++at) {
    const Node& node = parts_.nodes[at];
    marks_[at] = node.count == 0 ? kEmpty : pair_of(node.subject, node.name).mark;
  }
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
  RuleIndex::Entry entry;
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
  const auto name = index_.parts_.names.add(pattern.name);
  for (const Subject subject : subjects) placed_.push_back({subject, name, entry});
}

void RuleIndexBuilder::add_node(std::span<const Placed> placed) {
  auto& nodes = index_.parts_.nodes;
  auto& entries = index_.parts_.entries;
  const auto& [subject, name, first] = placed.front();
  auto at = index_.pair_of(subject, name).home;
  while (nodes[at].count != 0) at = index_.after(at);

  auto& node = nodes[at];
  node.subject = subject;
  node.name = name;
  node.count = static_cast<std::uint32_t>(placed.size());
  if (placed.size() == 1) {
    node.only = first;
  } else {
    std::construct_at(&node.many,
                      RuleIndex::Node::Many{static_cast<std::uint32_t>(entries.size()), 0});
  }
  for (const Placed& each : placed) {
    (each.entry.deny ? node.denied : node.allowed).insert(each.entry.actions);
    if (placed.size() == 1) continue;
    if (each.entry.every_tag) ++node.many.every_tag;
    entries.push_back(each.entry);
  }
}

RuleIndex RuleIndexBuilder::build() {
  std::sort(placed_.begin(), placed_.end(), [](const Placed& a, const Placed& b) {
    const bool a_rest = !a.entry.every_tag;
    const bool b_rest = !b.entry.every_tag;
    return std::tie(a.subject, a.name, a_rest, a.entry.tag, a.entry.rule) <
           std::tie(b.subject, b.name, b_rest, b.entry.tag, b.entry.rule);
  });
  const auto end_of_node = [&](std::size_t begin) {
    auto end = begin;
    while (end < placed_.size() && placed_[end].subject == placed_[begin].subject &&
           placed_[end].name == placed_[begin].name) {
      ++end;
    }
    return end;
  };
  std::size_t count = 0;
  std::size_t entries = 0;
  for (std::size_t begin = 0, end = 0; begin < placed_.size(); begin = end, ++count) {
    end = end_of_node(begin);
    if (end - begin > 1) entries += end - begin;
  }
  index_.parts_.nodes.resize(count * kPlaces);
  index_.parts_.entries.reserve(entries);
  for (std::size_t begin = 0, end = 0; begin < placed_.size(); begin = end) {
    end = end_of_node(begin);
    add_node(std::span(placed_).subspan(begin, end - begin));
  }
  index_.mark_places();
  placed_ = {};
  globs_ = {};
  index_.parts_.glob_texts.shrink_to_fit();
  index_.parts_.globs.shrink_to_fit();
  return std::move(index_);
}

}  // namespace layergate::acl
