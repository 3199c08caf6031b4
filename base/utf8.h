// UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF.
#pragma once

#include <cstddef>
#include <string_view>

namespace layergate {

// The offset of the first byte that does not belong to well-formed UTF-8, or npos.
std::size_t find_invalid_utf8(std::string_view text);

inline bool is_utf8(std::string_view text) {
  return find_invalid_utf8(text) == std::string_view::npos;
}

// How many characters text has, which is well-formed.
std::size_t count_characters(std::string_view text);

}  // namespace layergate
