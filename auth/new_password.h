// New passwords: whether one is good enough, its hash, and strong ones made by machine.
//
// Thread safety: all may be called from any thread. hash_new_password takes 50 ms at cost 10.
#pragma once

#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "auth/secret.h"

namespace layergate::auth {

inline constexpr std::size_t kLeastPasswordCharacters = 12;
inline constexpr std::size_t kMostPasswordBytes = 72;  // what bcrypt reads

// 12 characters or more, at most 72 bytes of UTF-8 without control characters, with upper and lower
// case, a digit and a special character; not a common password and not the user's name, dressed up
// with digits, signs or the usual exchange of letters ("P@ssw0rd2026!") or not. The error is one
// sentence that says all that is missing and never holds the password.
tl::expected<void, std::string> check_new_password(std::string_view password,
                                                   std::string_view user);

// A bcrypt hash ("$2y$"). Does not ask check_new_password. The error: a cost outside 4 to 14, a
// password that is empty, longer than bcrypt reads or holds a NUL, no random bytes.
tl::expected<std::string, std::string> hash_new_password(std::string_view password,
                                                         unsigned cost = 10);

// 24 characters (about 141 bits) of all four kinds, without those that look alike (0 O, 1 l I) and
// without any that a shell or a URL's user part would need quoted; the first and the last are
// letters or digits, so that it is no option on a command line and a double click takes it.
// Throws std::runtime_error if OpenSSL has no random bytes.
Secret generate_password();

}  // namespace layergate::auth
