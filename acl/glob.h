// The wildcards of patterns: `*` any run without '/', `**` any run, `?` one character but '/', and
// everything else itself. A run may be empty. (Three stars and more are two.)
#pragma once

#include <cstddef>
#include <string_view>

namespace layergate::acl {

inline constexpr std::size_t kLongestGlob = 255;

// Takes time in the product of both lengths at worst, whatever the pattern, and allocates nothing.
// A pattern longer than kLongestGlob matches nothing: the loader refuses it.
bool glob_matches(std::string_view pattern, std::string_view text);

// What stands before the first wildcard; the whole pattern if it has none.
std::string_view literal_prefix(std::string_view pattern);

inline bool is_literal(std::string_view pattern) {
  return literal_prefix(pattern).size() == pattern.size();
}

}  // namespace layergate::acl
