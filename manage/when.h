// Times as people give them on a command line.
#pragma once

#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "base/clock.h"

namespace layergate::manage {

// "2027-01-31T18:00:00+08:00", "2027-01-31" (midnight UTC), or from `now` on: "45m", "12h", "30d".
// It has to be later than `now`. The error is a sentence that says what is taken.
tl::expected<WallTime, std::string> parse_when(std::string_view text, WallTime now);

}  // namespace layergate::manage
