#include "manage/when.h"

#include <optional>

#include "base/quantity.h"

namespace layergate::manage {
tl::expected<WallTime, std::string> parse_when(std::string_view text, WallTime now) {
  const auto length = parse_duration(text);
  const auto time = length ? std::optional(now + *length) : parse_time(text);
  if (!time) {
    return tl::unexpected("\"" + std::string(text) +
                          "\" is no time: write 30d, 12h, 2027-01-31 or 2027-01-31T18:00:00Z");
  }
  if (*time <= now) return tl::unexpected("\"" + std::string(text) + "\" has passed already");
  return *time;
}

}  // namespace layergate::manage
