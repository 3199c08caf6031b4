#include "manage/when.h"

#include <charconv>
#include <optional>

namespace layergate::manage {
namespace {

using namespace std::chrono;

constexpr int kMostCount = 100'000;

std::optional<milliseconds> length_of(std::string_view text) {
  if (text.size() < 2) return std::nullopt;
  int count = 0;
  const auto* const last = text.data() + text.size() - 1;
  const auto [end, error] = std::from_chars(text.data(), last, count);
  if (error != std::errc{} || end != last || count < 1 || count > kMostCount) return std::nullopt;
  switch (text.back()) {
    case 'm':
      return minutes(count);
    case 'h':
      return hours(count);
    case 'd':
      return days(count);
    case 'w':
      return weeks(count);
    default:
      return std::nullopt;
  }
}

}  // namespace

tl::expected<WallTime, std::string> parse_when(std::string_view text, WallTime now) {
  const auto length = length_of(text);
  const auto time = length ? std::optional(now + *length) : parse_time(text);
  if (!time) {
    return tl::unexpected("\"" + std::string(text) +
                          "\" is no time: write 30d, 12h, 2027-01-31 or 2027-01-31T18:00:00Z");
  }
  if (*time <= now) return tl::unexpected("\"" + std::string(text) + "\" has passed already");
  return *time;
}

}  // namespace layergate::manage
