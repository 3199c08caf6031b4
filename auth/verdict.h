// What becomes of a credential.
#pragma once

#include <cstdint>

namespace layergate::auth {

enum class Verdict : std::uint8_t {
  accepted,
  rejected,    // unknown user or wrong password: not told apart, in time either
  throttled,   // too many failures from this address or for this account: 429
  overloaded,  // the pool's queue is full, or hashing failed for want of memory: 503
};

}  // namespace layergate::auth
