// Apache's MD5 hash of a password, "$apr1$": what `htpasswd` writes when it is not told otherwise.
// libcrypt does not know it. Weak by today's measure: read, never written.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace layergate::auth {

// The 22 digits after "$apr1$salt$". Nothing if OpenSSL offers no MD5 (a FIPS build).
std::optional<std::string> apr1_digest(std::string_view password, std::string_view salt);

}  // namespace layergate::auth
