// How many failures an address or an account has left.
//
// A token bucket for everyone, in a table of fixed size: two rows of counters, in each of which the
// name's keyed hash chooses one. A failure is charged to both, and a name is exhausted only if both
// are. So:
//   - nothing is ever evicted: no flood of other names gives anybody his tokens back, and none
//   makes
//     the table grow;
//   - a name shares its counters with strangers by chance that cannot be steered (the hash is
//   keyed).
//     It is refused for others' failures only if both counters are shared with exhausted names:
//     with 1,000 exhausted at a time, one in 1,000 newcomers; each failure costs a hash or is
//     refused in itself, so few can be kept so.
// A bucket may go into debt: checks that were in the pool together when it emptied are all charged.
//
// Thread safety: all members may be called from any thread; no locks.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <vector>

#include "auth/keyed_hash.h"
#include "auth/verified_cache.h"
#include "base/address.h"

namespace layergate::auth {

class FailureLimits {
 public:
  // A burst below 1 or a rate of zero or less means no limit.
  FailureLimits(double burst, double per_minute);

  [[nodiscard]] bool exhausted(const KeyedHash& who, TimePoint now) const;
  void charge(const KeyedHash& who, TimePoint now);

 private:
  static constexpr std::size_t kRows = 2;
  static constexpr std::size_t kColumns = 32768;

  [[nodiscard]] static std::size_t counter_of(const KeyedHash& who, std::size_t row);
  [[nodiscard]] bool is_off() const { return interval_ == 0; }

  // A counter is the time, in nanoseconds of the steady clock, at which its bucket is full again
  // (the "theoretical arrival time" of the generic cell rate algorithm, ITU-T I.371).
  std::int64_t interval_ = 0;   // nanoseconds to earn one token
  std::int64_t tolerance_ = 0;  // a bucket that is full later than this from now is empty
  std::vector<std::atomic<std::int64_t>> counters_;
};

}  // namespace layergate::auth
