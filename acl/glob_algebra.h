// What globs (acl/glob.h) have in common with each other.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace layergate::acl {

// Whether each text that narrow matches is also matched by wide. True is always right; false may
// also mean that it could not be told ("*?" and "?*").
bool glob_covers(std::string_view wide, std::string_view narrow);

// What stands for wildcards in texts that are made up.
struct Filler {
  std::string word = "any";  // for a run; without '/'
  char one = 'x';            // for "?"
};

// A text that both match, with filler wherever both leave it open; nothing if there is none. A glob
// with itself: an example of it.
std::optional<std::string> common_text(std::string_view a, std::string_view b,
                                       const Filler& filler);

}  // namespace layergate::acl
