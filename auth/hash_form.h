// The forms in which a password file may hold a password, recognised and checked to the last
// character, so that hashing against an accepted one cannot fail on its form later.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

namespace layergate::auth {

enum class Algorithm : std::uint8_t { bcrypt, sha256, sha512, yescrypt, apr1 };

struct HashForm {
  Algorithm algorithm;
  unsigned cost;          // bcrypt: log2 of its rounds; yescrypt: KiB of memory; others: rounds
  std::size_t salt;       // where the salt starts
  std::size_t salt_size;  // in characters
  std::size_t digest;     // where the digest starts; it goes to the end
  std::size_t reads;      // bytes of a password, at most; a longer one never matches

  // The time of one check, as measured on one core of a server of 2020 (libxcrypt 4.4). Only good
  // for comparing.
  [[nodiscard]] std::chrono::microseconds estimate() const;
  // Cheaper than what the tools of today make unasked.
  [[nodiscard]] bool is_weak() const;
  [[nodiscard]] std::string to_string() const;  // "bcrypt, cost 10"
};

// Caps: one check takes less than about a second and 64 MiB, whatever the password.
inline constexpr unsigned kLeastBcryptCost = 4;
inline constexpr unsigned kMostBcryptCost = 14;
inline constexpr unsigned kLeastShaRounds = 1000;    // libcrypt's own limit
inline constexpr unsigned kMostShaRounds = 700'000;  // passlib's default is 656,000
inline constexpr unsigned kMostYescryptKib = 64 * 1024;

// The error completes "the hash is …" and never holds any of the hash.
tl::expected<HashForm, std::string> recognise_hash(std::string_view hash);

// The digits of `algorithm` in the order of their values.
std::string_view digits_of(Algorithm algorithm);
// Whether this digit may stand last in a digest, whose bits do not fill it. With any other there
// the hash would match no password.
bool ends_digest(Algorithm algorithm, char digit);

}  // namespace layergate::auth
