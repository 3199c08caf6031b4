// Lengths of time and sizes as people write them.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace layergate {

// "250ms", "30s", "5m", "12h", "7d", and "0" alone; at most ten years.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

// "4096", "4096B", "64KiB", "4MiB", "2GiB", "1TiB" as bytes; at most 2^63 - 1.
std::optional<std::uint64_t> parse_size(std::string_view text);

}  // namespace layergate
