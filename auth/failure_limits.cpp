#include "auth/failure_limits.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace layergate::auth {
namespace {

std::int64_t nanoseconds(TimePoint time) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
}

}  // namespace

FailureLimits::FailureLimits(double burst, double per_minute) {
  if (!(burst >= 1) || !(per_minute > 0)) return;
  constexpr double kMinute = 60e9;
  constexpr double kYear = 365 * 24 * 60 * kMinute;  // far from the end of 64 bits
  interval_ = std::max<std::int64_t>(std::llround(std::min(kMinute / per_minute, kYear)), 1);
  tolerance_ =
      std::llround(std::min((std::floor(burst) - 1) * static_cast<double>(interval_), kYear));
  counters_ = std::vector<std::atomic<std::int64_t>>(kRows * kColumns);
}

std::size_t FailureLimits::counter_of(const KeyedHash& who, std::size_t row) {
  std::uint32_t value = 0;
  std::memcpy(&value, who.data() + row * sizeof value, sizeof value);
  return row * kColumns + value % kColumns;
}

bool FailureLimits::exhausted(const KeyedHash& who, TimePoint now) const {
  if (is_off()) return false;
  for (std::size_t row = 0; row < kRows; ++row) {
    const auto full_at = counters_[counter_of(who, row)].load(std::memory_order_relaxed);
    if (full_at - nanoseconds(now) <= tolerance_) return false;
  }
  return true;
}

void FailureLimits::charge(const KeyedHash& who, TimePoint now) {
  if (is_off()) return;
  for (std::size_t row = 0; row < kRows; ++row) {
    auto& counter = counters_[counter_of(who, row)];
    auto full_at = counter.load(std::memory_order_relaxed);
    while (!counter.compare_exchange_weak(full_at, std::max(full_at, nanoseconds(now)) + interval_,
                                          std::memory_order_relaxed)) {
    }
  }
}

}  // namespace layergate::auth
