#include "acl/rule_shelves.h"

#include <stdexcept>
#include <utility>

namespace layergate::acl {
namespace {

// For each node: half of them empty, for most looks are for what is not there.
constexpr std::size_t kPlacesForANode = 2;

}  // namespace

GlobKey RuleShelves::add(std::string_view text, std::span<const RuleNode> nodes) {
  static_assert(kLongestGlob <= 255, "a byte holds the length");
  if (units_.size() >= IdTable::kNone) throw std::length_error("the policy is too large");
  const auto key = static_cast<GlobKey>(units_.size());
  const auto places = static_cast<std::uint32_t>(nodes.size() * kPlacesForANode);
  const auto marks = kText + text.size();
  const auto head = units_for(marks + places);
  units_.resize(units_.size() + head + places);

  char* const bytes = reinterpret_cast<char*>(units_.data() + key);
  std::memcpy(bytes, &places, sizeof places);
  bytes[kTextSize] = static_cast<char>(text.size());
  std::memcpy(bytes + kText, text.data(), text.size());
  const Shelf shelf = (*this)[key];
  for (const RuleNode& node : nodes) {
    const auto home = shelf.home_of(node.subject);
    auto at = home.place;
    while (!shelf.is_empty(at)) at = shelf.after(at);
    bytes[marks + at] = home.mark;
    units_[key + head + at] = std::bit_cast<Unit>(node);
  }
  return key;
}

RuleShelves RuleShelves::adopt(std::vector<Unit> units) {
  RuleShelves shelves;
  shelves.units_ = std::move(units);
  return shelves;
}

std::size_t RuleShelves::size_of(GlobKey key) const {
  const auto places = places_of(key);
  return units_for(kText + text_of(key).size() + places) + places;
}

bool RuleShelves::is_key(GlobKey key) const {
  return key < units_.size() && places_of(key) > 0 && size_of(key) <= units_.size() - key;
}

bool RuleShelves::Shelf::is_sound() const {
  std::size_t empty = 0;
  while (empty < places_ && !is_empty(empty)) ++empty;
  if (empty == places_) return false;
  // A node lies no further behind its home than the places in between are taken.
  std::size_t taken = 0;
  for (auto at = after(empty); at != empty; at = after(at)) {
    if (is_empty(at)) {
      taken = 0;
      continue;
    }
    const auto home = home_of(node(at).subject);
    const auto behind = at >= home.place ? at - home.place : at + places_ - home.place;
    if (marks_[at] != home.mark || behind > taken) return false;
    ++taken;
  }
  return true;
}

}  // namespace layergate::acl
