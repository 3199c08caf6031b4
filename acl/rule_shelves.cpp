#include "acl/rule_shelves.h"

namespace layergate::acl {
namespace {

// For each node: half of them empty, for most looks are for what is not there.
constexpr std::size_t kPlacesForANode = 2;

}  // namespace

GlobKey RuleShelves::add(std::string_view text, std::span<const RuleNode> nodes) {
  static_assert(kLongestGlob <= 255, "a byte holds the length");
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

bool RuleShelves::is_key(GlobKey key) const {
  if (key >= units_.size()) return false;
  const auto left = units_.size() - key;
  const auto places = places_of(key);
  const auto text_size = static_cast<unsigned char>(bytes_of(key)[kTextSize]);
  if (units_for(kText + text_size + places) + places > left) return false;
  // A look for what is not there ends at an empty place.
  return std::memchr(bytes_of(key) + kText + text_size, Shelf::kEmpty, places) != nullptr;
}

}  // namespace layergate::acl
