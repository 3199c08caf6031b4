#include "acl/rule_index.h"

#include <algorithm>
#include <tuple>

#include "acl/glob.h"

namespace layergate::acl {
namespace {

// Whether every text that begins with the glob's literal prefix matches it.
bool is_prefix_and(std::string_view glob, std::string_view wildcard) {
  return glob.substr(literal_prefix(glob).size()) == wildcard;
}

}  // namespace

const RuleIndex::Node* RuleIndex::find(Subject subject, GlobKey name) const {
  return find(Pair{subject, name, hash_of(subject, name)});
}

std::span<const RuleIndex::Entry> RuleIndex::with_tag(const Node& node, GlobKey tag) const {
  const auto entries = all(node).subspan(node.every_tag);
  const auto begin = std::lower_bound(entries.begin(), entries.end(), tag,
                                      [](const Entry& e, GlobKey key) { return e.tag < key; });
  auto end = begin;
  while (end != entries.end() && end->tag == tag) ++end;
  return {begin, end};
}

bool RuleIndex::name_matches(const Entry& entry, std::string_view repository) const {
  return !entry.compares_name || glob_matches(globs_[entry.glob].name, repository);
}

bool RuleIndex::tag_matches(const Entry& entry, std::string_view tag) const {
  return !entry.compares_tag || glob_matches(globs_[entry.glob].tag, tag);
}

bool RuleIndex::has_rules(Subject subject) const {
  const auto node =
      std::lower_bound(nodes_.begin(), nodes_.end(), subject,
                       [](const Node& each, Subject wanted) { return each.subject < wanted; });
  return node != nodes_.end() && node->subject == subject;
}

void RuleIndexBuilder::add(const Rule& rule, const Pattern& pattern,
                           std::span<const Subject> subjects) {
  RuleIndex::Entry entry;
  entry.tag = index_.tags_.add(pattern.tag);
  entry.rule = rule.number;
  entry.actions = rule.actions;
  entry.deny = rule.deny;
  entry.conditional = rule.conditional;
  entry.every_tag = pattern.is_every_tag();
  entry.compares_name = !is_literal(pattern.name) && !is_prefix_and(pattern.name, "**");
  entry.compares_tag =  // in a tag, which has no '/', one star is as good as two
      !entry.every_tag && !is_literal(pattern.tag) && !is_prefix_and(pattern.tag, "*");
  if (entry.compares_name || entry.compares_tag) {
    entry.glob = static_cast<std::uint32_t>(index_.globs_.size());
    index_.globs_.push_back(
        {entry.compares_name ? index_.arena_.keep(pattern.name) : std::string_view{},
         entry.compares_tag ? index_.arena_.keep(pattern.tag) : std::string_view{}});
  }
  const auto name = index_.names_.add(pattern.name);
  for (const Subject subject : subjects) placed_.push_back({subject, name, entry});
}

RuleIndex RuleIndexBuilder::build() {
  std::sort(placed_.begin(), placed_.end(), [](const Placed& a, const Placed& b) {
    const bool a_rest = !a.entry.every_tag;
    const bool b_rest = !b.entry.every_tag;
    return std::tie(a.subject, a.name, a_rest, a.entry.tag, a.entry.rule) <
           std::tie(b.subject, b.name, b_rest, b.entry.tag, b.entry.rule);
  });
  auto& nodes = index_.nodes_;
  index_.entries_.reserve(placed_.size());
  for (const Placed& placed : placed_) {
    if (nodes.empty() || nodes.back().subject != placed.subject ||
        nodes.back().name != placed.name) {
      const auto first = static_cast<std::uint32_t>(index_.entries_.size());
      nodes.push_back({placed.subject, placed.name, first, 0, 0, {}, {}});
    }
    auto& node = nodes.back();
    ++node.count;
    if (placed.entry.every_tag) ++node.every_tag;
    (placed.entry.deny ? node.denied : node.allowed).insert(placed.entry.actions);
    index_.entries_.push_back(placed.entry);
  }
  nodes.shrink_to_fit();
  index_.globs_.shrink_to_fit();
  for (std::uint32_t id = 0; id < nodes.size(); ++id) {
    const auto hash = [&](std::uint32_t i) {
      return RuleIndex::hash_of(nodes[i].subject, nodes[i].name);
    };
    index_.node_table_.insert(hash(id), id, hash);
  }
  placed_ = {};
  return std::move(index_);
}

}  // namespace layergate::acl
