// HMAC-SHA256 under a random key that this process makes at its first use and never shows.
//
// What is looked up by such a hash cannot be steered into collisions from outside, and the hash of
// a password in a memory image cannot be tried offline without the key.
//
// Thread safety: may be called from any thread.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <string_view>

namespace layergate::auth {

using KeyedHash = std::array<std::uint8_t, 32>;

enum class Purpose : std::uint8_t {
  credential = 1,
  address = 2,
  account = 3,
  session = 4,
  line = 5
};

// Lengths go in front, so that no two lists of parts are alike; at most four parts.
// Throws std::runtime_error if OpenSSL has no HMAC or no random bytes.
KeyedHash keyed_hash(Purpose purpose, std::initializer_list<std::string_view> parts);

// For unordered maps: a keyed hash is uniform, any of its bytes will do.
struct KeyedHashHasher {
  std::size_t operator()(const KeyedHash& hash) const {
    std::size_t value = 0;
    std::memcpy(&value, hash.data(), sizeof value);
    return value;
  }
};

}  // namespace layergate::auth
