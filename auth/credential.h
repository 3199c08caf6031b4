// What a client shows to say who it is.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace layergate::auth {

struct Credential {
  std::string user;
  std::string password;
};

// The value of an Authorization field (RFC 7617, Basic). Nothing for another scheme, bad base64, a
// missing colon, an empty or over-long user (255) or password (72 bytes is bcrypt's reach, 1,024
// are read), a control character, or text that is not UTF-8.
std::optional<Credential> parse_basic(std::string_view field_value);

}  // namespace layergate::auth
