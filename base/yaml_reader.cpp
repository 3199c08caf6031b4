#include "base/yaml_reader.h"

#include <algorithm>
#include <charconv>

#include "base/quantity.h"

namespace layergate::yaml {
namespace {

std::string quoted(std::string_view text) {
  constexpr std::size_t kShown = 80;
  std::string out = "\"";
  out += text.substr(0, kShown);
  out += text.size() > kShown ? "...\"" : "\"";
  return out;
}

std::string_view kind_name(const Node& node) {
  switch (node.kind) {
    case Node::Kind::null:
      return "nothing";
    case Node::Kind::scalar:
      return "a single value";
    case Node::Kind::sequence:
      return "a list";
    case Node::Kind::map:
      return "a map";
  }
  return "";
}

}  // namespace

bool Reader::refuse(const Node& node, std::string what, std::string suggestion) {
  return refuse(node.line, node.column, std::move(what), std::move(suggestion));
}

bool Reader::refuse(int line, int column, std::string what, std::string suggestion) {
  problems_.push_back({file_, line, column, std::move(what), std::move(suggestion)});
  return false;
}

bool Reader::mistyped(const Node& node, std::string_view what, std::string_view wanted) {
  std::string problem{what};
  problem += " must be ";
  problem += wanted;
  problem += ", and is ";
  if (node.kind == Node::Kind::scalar) {
    problem += quoted(node.scalar);
  } else {
    problem += kind_name(node);
  }
  return refuse(node, std::move(problem));
}

bool Reader::map(const Node& node, std::string_view what,
                 std::initializer_list<std::string_view> keys) {
  if (node.kind != Node::Kind::map) return mistyped(node, what, "a map (key: value)");
  for (const auto& entry : node.entries) {
    if (std::find(keys.begin(), keys.end(), entry.key) != keys.end()) continue;
    std::string known;
    for (const auto key : keys) {
      if (!known.empty()) known += ", ";
      known += key;
    }
    const auto meant = closest(entry.key, {keys.begin(), keys.end()});
    std::string problem = "unknown key " + quoted(entry.key) + " in ";
    problem += what;
    if (meant.empty()) problem += "; known are " + known;
    refuse(entry.line, entry.column, std::move(problem), meant);
  }
  return true;
}

bool Reader::section_map(const Node& node, std::string_view what) {
  if (node.kind == Node::Kind::map || node.kind == Node::Kind::null) return true;
  return mistyped(node, what, "a map (name: value)");
}

bool Reader::section_list(const Node& node, std::string_view what) {
  return node.kind == Node::Kind::null || list(node, what);
}

bool Reader::list(const Node& node, std::string_view what) {
  if (node.kind == Node::Kind::sequence) return true;
  // The likeliest mistake: one value where a list of one is wanted.
  if (node.kind == Node::Kind::scalar) {
    return mistyped(node, what, "a list: write [" + quoted(node.scalar) + "]");
  }
  return mistyped(node, what, "a list");
}

const std::string* Reader::scalar(const Node& node, std::string_view what,
                                  std::string_view wanted) {
  if (node.kind == Node::Kind::scalar) return &node.scalar;
  mistyped(node, what, wanted);
  return nullptr;
}

std::optional<std::string> Reader::text(const Node& node, std::string_view what) {
  const auto* found = scalar(node, what, "text");
  return found == nullptr ? std::nullopt : std::optional{*found};
}

std::optional<std::vector<std::string>> Reader::texts(const Node& node, std::string_view what) {
  if (!list(node, what)) return std::nullopt;
  std::vector<std::string> out;
  out.reserve(node.items.size());
  for (const auto& item : node.items) {
    const auto* found = scalar(item, "each item of " + std::string{what}, "text");
    if (found != nullptr) out.push_back(*found);
  }
  return out.size() == node.items.size() ? std::optional{std::move(out)} : std::nullopt;
}

std::optional<bool> Reader::boolean(const Node& node, std::string_view what) {
  constexpr std::string_view kWanted = "true or false";
  const auto* found = scalar(node, what, kWanted);
  if (found == nullptr) return std::nullopt;
  if (!node.quoted && *found == "true") return true;
  if (!node.quoted && *found == "false") return false;
  mistyped(node, what, kWanted);
  return std::nullopt;
}

std::optional<std::int64_t> Reader::integer(const Node& node, std::string_view what,
                                            std::int64_t least, std::int64_t most) {
  const auto wanted =
      "a whole number from " + std::to_string(least) + " to " + std::to_string(most);
  const auto* found = scalar(node, what, wanted);
  if (found == nullptr) return std::nullopt;
  std::int64_t value = 0;
  const char* last = found->data() + found->size();
  const auto [end, error] = std::from_chars(found->data(), last, value);
  if (error == std::errc{} && end == last && value >= least && value <= most) return value;
  mistyped(node, what, wanted);
  return std::nullopt;
}

std::optional<std::chrono::milliseconds> Reader::duration(const Node& node, std::string_view what) {
  constexpr std::string_view kWanted = "a duration like 250ms, 30s, 5m, 12h or 7d";
  const auto* found = scalar(node, what, kWanted);
  if (found == nullptr) return std::nullopt;
  const auto value = parse_duration(*found);
  if (!value) mistyped(node, what, kWanted);
  return value;
}

std::optional<std::uint64_t> Reader::size(const Node& node, std::string_view what) {
  constexpr std::string_view kWanted = "a size like 4096, 64KiB, 4MiB or 2GiB";
  const auto* found = scalar(node, what, kWanted);
  if (found == nullptr) return std::nullopt;
  const auto value = parse_size(*found);
  if (!value) mistyped(node, what, kWanted);
  return value;
}

std::optional<WallTime> Reader::time(const Node& node, std::string_view what) {
  constexpr std::string_view kWanted =
      "a date or a time with its zone, like 2027-01-31 or 2027-01-31T18:00:00Z";
  const auto* found = scalar(node, what, kWanted);
  if (found == nullptr) return std::nullopt;
  const auto value = parse_time(*found);
  if (!value) mistyped(node, what, kWanted);
  return value;
}

std::optional<std::vector<IpNetwork>> Reader::networks(const Node& node, std::string_view what) {
  if (!list(node, what)) return std::nullopt;
  const auto item_name = "each item of " + std::string{what};
  constexpr std::string_view kWanted =
      "an address or a network without host bits, like 10.0.0.0/8 or 2001:db8::/32";
  std::vector<IpNetwork> out;
  out.reserve(node.items.size());
  for (const auto& item : node.items) {
    const auto* found = scalar(item, item_name, kWanted);
    if (found == nullptr) continue;
    const auto network = IpNetwork::parse(*found);
    if (network) {
      out.push_back(*network);
    } else {
      mistyped(item, item_name, kWanted);
    }
  }
  return out.size() == node.items.size() ? std::optional{std::move(out)} : std::nullopt;
}

std::optional<IpAddress> Reader::address(const Node& node, std::string_view what) {
  constexpr std::string_view kWanted = "an address like 10.1.2.3 or 2001:db8::1";
  const auto* found = scalar(node, what, kWanted);
  if (found == nullptr) return std::nullopt;
  const auto value = IpAddress::parse(*found);
  if (!value) mistyped(node, what, kWanted);
  return value;
}

}  // namespace layergate::yaml
