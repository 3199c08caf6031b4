// Bytes as lower-case hexadecimal digits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace layergate {

inline void append_hex(std::string& out, std::span<const std::uint8_t> bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  auto at = out.size();
  out.resize(at + 2 * bytes.size());
  for (const auto byte : bytes) {
    out[at++] = kDigits[byte >> 4U];
    out[at++] = kDigits[byte & 15U];
  }
}

// The byte that two digits stand for. REQUIRES: both are lower-case hexadecimal.
inline std::uint8_t byte_of_hex(char high, char low) {
  // Without a branch, which would be guessed wrong for every third digit: a letter has bit 6 set.
  const auto value = [](char c) { return (c & 15) + 9 * (c >> 6); };
  return static_cast<std::uint8_t>(value(high) << 4 | value(low));
}

}  // namespace layergate
