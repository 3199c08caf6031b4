#include "base/address_set.h"

#include <algorithm>
#include <optional>

namespace layergate {
namespace {

using Bytes = std::array<std::uint8_t, 16>;

IpAddress highest() {
  Bytes bytes;
  bytes.fill(0xff);
  return IpAddress::from_bytes(bytes);
}

// Nothing behind the highest.
std::optional<IpAddress> after(const IpAddress& address) {
  auto bytes = address.bytes();
  for (auto byte = bytes.rbegin(); byte != bytes.rend(); ++byte) {
    if (++*byte != 0) return IpAddress::from_bytes(bytes);
  }
  return std::nullopt;
}

// REQUIRES: it is not the lowest.
IpAddress before(const IpAddress& address) {
  auto bytes = address.bytes();
  for (auto byte = bytes.rbegin(); byte != bytes.rend(); ++byte) {
    if ((*byte)-- != 0) break;
  }
  return IpAddress::from_bytes(bytes);
}

std::string listed(const std::vector<IpNetwork>& networks) {
  std::string out;
  for (const auto& network : networks) out += (out.empty() ? "" : ", ") + network.to_string();
  return out;
}

}  // namespace

AddressSet AddressSet::all() {
  AddressSet set;
  set.ranges_.push_back({IpAddress{}, highest()});
  return set;
}

AddressSet AddressSet::of(const std::vector<IpNetwork>& networks) {
  AddressSet set;
  for (const auto& network : networks) set.ranges_.push_back({network.first(), network.last()});
  set.insert(AddressSet{});
  return set;
}

void AddressSet::insert(const AddressSet& others) {
  ranges_.insert(ranges_.end(), others.ranges_.begin(), others.ranges_.end());
  std::sort(ranges_.begin(), ranges_.end(),
            [](const Range& a, const Range& b) { return a.first < b.first; });
  std::vector<Range> merged;
  for (const auto& range : ranges_) {
    const auto next = merged.empty() ? std::nullopt : after(merged.back().last);
    if (!merged.empty() && (!next || range.first <= *next)) {
      merged.back().last = std::max(merged.back().last, range.last);
    } else {
      merged.push_back(range);
    }
  }
  ranges_ = std::move(merged);
}

void AddressSet::intersect(const AddressSet& others) {
  std::vector<Range> common;
  auto a = ranges_.begin();
  auto b = others.ranges_.begin();
  while (a != ranges_.end() && b != others.ranges_.end()) {
    const auto first = std::max(a->first, b->first);
    const auto last = std::min(a->last, b->last);
    if (first <= last) common.push_back({first, last});
    if (a->last < b->last) {
      ++a;
    } else {
      ++b;
    }
  }
  ranges_ = std::move(common);
}

AddressSet AddressSet::complement() const {
  AddressSet rest;
  std::optional<IpAddress> start = IpAddress{};
  for (const auto& range : ranges_) {
    if (*start < range.first) rest.ranges_.push_back({*start, before(range.first)});
    start = after(range.last);
    if (!start) return rest;
  }
  rest.ranges_.push_back({*start, highest()});
  return rest;
}

bool AddressSet::is_all() const {
  return ranges_.size() == 1 && ranges_[0].first == IpAddress{} && ranges_[0].last == highest();
}

bool AddressSet::contains(const IpAddress& address) const {
  return std::any_of(ranges_.begin(), ranges_.end(), [&](const Range& range) {
    return range.first <= address && address <= range.last;
  });
}

std::vector<IpNetwork> AddressSet::networks() const {
  std::vector<IpNetwork> found;
  for (const auto& range : ranges_) {
    // The largest network that begins there and does not end too late; then what is behind it.
    std::optional<IpAddress> at = range.first;
    while (at && *at <= range.last) {
      int prefix = 128;
      while (prefix > 0) {
        const auto bit = static_cast<std::size_t>(prefix - 1);
        if ((at->bytes()[bit / 8] & (0x80 >> (bit % 8))) != 0) break;
        if (range.last < IpNetwork::of(*at, prefix - 1).last()) break;
        --prefix;
      }
      found.push_back(IpNetwork::of(*at, prefix));
      at = after(found.back().last());
    }
  }
  return found;
}

std::string AddressSet::to_string() const {
  if (empty()) return "nowhere";
  if (is_all()) return "anywhere";
  const auto in = networks();
  const auto out = complement().networks();
  return in.size() <= out.size() ? listed(in) : "anywhere but " + listed(out);
}

}  // namespace layergate
