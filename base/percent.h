// Percent-encoding (RFC 3986, section 2.1).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace layergate {

enum class Plus : std::uint8_t { is_itself, is_space };  // a space in queries, as forms write them

// Decodes once. Nothing if a percent sign is not followed by two hexadecimal digits, or if a byte
// of the result is a control character (C0 or DEL).
std::optional<std::string> percent_decode(std::string_view text, Plus plus);

// Everything but unreserved characters (section 2.3) as %XX.
std::string percent_encode(std::string_view text);

}  // namespace layergate
