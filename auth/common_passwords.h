// The words that most common passwords are made of.
#pragma once

#include <string_view>

namespace layergate::auth {

// Whether a password is nothing but common words, one or several, once case is ignored, digits and
// signs at both ends are taken away and the usual exchanges ("@" for "a", "0" for "o") are undone.
// `user` counts as one of the words, unless it is shorter than three bytes.
bool is_common_password(std::string_view password, std::string_view user);

}  // namespace layergate::auth
