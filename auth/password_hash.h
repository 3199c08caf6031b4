// Checks a password against a line's hash, and makes hashes that nothing matches.
//
// Thread safety: all may be called from any thread. A check takes a millisecond to a second: never
// call one on an event loop.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace layergate::auth {

enum class Match : std::uint8_t {
  no,
  yes,
  failed,  // no answer: not a hash that recognise_hash accepts, no memory, no MD5 in OpenSSL
};

// A password that is longer than the algorithm reads (bcrypt: 72 bytes) costs the same time and
// does not match, although crypt(3) would cut it off and say yes.
Match verify_password(std::string_view password, const std::string& hash);

// A hash of the same algorithm and cost with a random salt and a random digest.
// REQUIRES: recognise_hash accepts `hash`. Throws std::runtime_error if OpenSSL has no random
// bytes.
std::string decoy_like(const std::string& hash);

}  // namespace layergate::auth
