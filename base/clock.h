// Wall-clock times as the configuration and the records write them (RFC 3339, UTC).
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace layergate {

using WallTime = std::chrono::sys_time<std::chrono::milliseconds>;

// "2027-01-31T00:00:00Z", with optional fraction and numeric offset; a bare date is midnight UTC.
// Nothing for impossible dates (2027-02-30) and for anything else.
std::optional<WallTime> parse_time(std::string_view text);

// "2027-01-31T00:00:00.000Z"
std::string format_time(WallTime time);

// "Sun, 31 Jan 2027 00:00:00 GMT" (RFC 9110, section 5.6.7)
std::string http_date(WallTime time);

WallTime wall_now();

}  // namespace layergate
