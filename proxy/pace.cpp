#include "proxy/pace.h"

#include <algorithm>

namespace layergate::proxy {

void Pace::note_owed(std::uint64_t owed, Clock::time_point now) {
  // Below 0 if more has come to be owed than moved: heads, and what TLS adds.
  const auto taken = static_cast<std::int64_t>(owed_ + (moved_ - ticked_moved_) - owed);
  if (taken > 0) {
    taken_ += static_cast<std::uint64_t>(taken);
    moved_at_ = now;
  }
  ticked_moved_ = moved_;
  owed_ = owed;
}

void Pace::tick(const config::Limits& limits, Clock::time_point now) {
  if (now - window_start_ <= limits.idle) return;
  window_start_ = now;
  window_moved_ = moved_;
  window_taken_ = taken_;
}

bool Pace::is_too_slow(const config::Limits& limits, Clock::time_point now) const {
  const std::chrono::duration<double> seconds = now - window_start_;
  if (seconds < limits.idle) return false;
  return static_cast<double>(std::max(moved_ - window_moved_, taken_ - window_taken_)) <
         static_cast<double>(limits.minimum_rate) * seconds.count();
}

}  // namespace layergate::proxy
