#include "base/quantity.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

namespace layergate {
namespace {

struct Unit {
  std::string_view suffix;
  std::uint64_t factor;
};

constexpr std::array kTimeUnits = {
    Unit{"ms", 1}, Unit{"s", 1000}, Unit{"m", 60'000}, Unit{"h", 3'600'000}, Unit{"d", 86'400'000},
};
constexpr std::array kSizeUnits = {
    Unit{"", 1},
    Unit{"B", 1},
    Unit{"KiB", 1ULL << 10},
    Unit{"MiB", 1ULL << 20},
    Unit{"GiB", 1ULL << 30},
    Unit{"TiB", 1ULL << 40},
};

// A number directly followed by one of the units, as a multiple of the smallest; nothing above
// most.
template <std::size_t N>
std::optional<std::uint64_t> quantity(std::string_view text, const std::array<Unit, N>& units,
                                      std::uint64_t most) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return std::nullopt;
  const auto suffix = text.substr(static_cast<std::size_t>(end - text.data()));
  const auto unit = std::find_if(units.begin(), units.end(),
                                 [&](const Unit& each) { return each.suffix == suffix; });
  if (unit == units.end() || number > most / unit->factor) return std::nullopt;
  return number * unit->factor;
}

}  // namespace

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
  constexpr std::uint64_t kMost = 3650ULL * 86'400'000;
  const auto value = text == "0" ? 0 : quantity(text, kTimeUnits, kMost);
  if (!value) return std::nullopt;
  return std::chrono::milliseconds{*value};
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  return quantity(text, kSizeUnits, std::uint64_t{std::numeric_limits<std::int64_t>::max()});
}

}  // namespace layergate
