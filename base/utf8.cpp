#include "base/utf8.h"

#include <algorithm>

namespace layergate {
namespace {

struct Shape {
  std::size_t length = 0;            // of the whole sequence; 0: not a first byte
  unsigned char second_low = 0x80;   // narrower for the first bytes where a form would be overlong,
  unsigned char second_high = 0xbf;  // a surrogate or above U+10FFFF (RFC 3629, section 4)
};

Shape shape_of(unsigned char first) {
  if (first < 0x80) return {1};
  if (first < 0xc2) return {};
  if (first < 0xe0) return {2};
  if (first == 0xe0) return {3, 0xa0, 0xbf};
  if (first == 0xed) return {3, 0x80, 0x9f};
  if (first < 0xf0) return {3};
  if (first == 0xf0) return {4, 0x90, 0xbf};
  if (first < 0xf4) return {4};
  if (first == 0xf4) return {4, 0x80, 0x8f};
  return {};
}

bool is_continuation(char byte) { return (static_cast<unsigned char>(byte) & 0xc0) == 0x80; }

}  // namespace

std::size_t find_invalid_utf8(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const Shape shape = shape_of(static_cast<unsigned char>(text[at]));
    if (shape.length == 0 || text.size() - at < shape.length) return at;
    if (shape.length > 1) {
      const auto second = static_cast<unsigned char>(text[at + 1]);
      if (second < shape.second_low || second > shape.second_high) return at;
      for (std::size_t i = 2; i < shape.length; ++i) {
        if (!is_continuation(text[at + i])) return at;
      }
    }
    at += shape.length;
  }
  return std::string_view::npos;
}

std::size_t count_characters(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char byte) { return !is_continuation(byte); }));
}

}  // namespace layergate
