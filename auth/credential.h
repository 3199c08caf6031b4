// What a client shows to say who it is.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "auth/secret.h"

namespace layergate::auth {

inline constexpr std::size_t kLongestUser = 255;
inline constexpr std::size_t kLongestPassword = 1024;  // read; bcrypt reaches 72 bytes of it

struct Credential {
  std::string user;
  Secret password;
};

// The value of an Authorization field (RFC 7617, Basic). Nothing for another scheme, bad base64, a
// missing colon, an empty or over-long user (255) or password (1,024), a control character, or text
// that is not UTF-8. The password's bytes are left in no buffer but the result; the field's own
// buffer is the caller's.
std::optional<Credential> parse_basic(std::string_view field_value);

// Valid UTF-8 (RFC 3629: no surrogates, no over-long forms) without control characters (C0, DEL,
// C1).
bool is_clean_text(std::string_view text);

// Why no account can have this name, or "". It has to fit Basic (no colon, nothing that
// is_clean_text refuses, at most 255 bytes) and a line of the password file (no "#" at its start,
// no space at either end).
std::string user_name_problem(std::string_view user);

}  // namespace layergate::auth
