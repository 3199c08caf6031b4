#include "proxy/pace.h"

namespace layergate::proxy {

void Pace::tick(const config::Limits& limits, Clock::time_point now) {
  if (now - window_start_ <= limits.idle) return;
  window_start_ = now;
  window_moved_ = moved_;
}

bool Pace::is_too_slow(const config::Limits& limits, Clock::time_point now) const {
  const std::chrono::duration<double> seconds = now - window_start_;
  if (seconds < limits.idle) return false;
  return static_cast<double>(moved_ - window_moved_) <
         static_cast<double>(limits.minimum_rate) * seconds.count();
}

}  // namespace layergate::proxy
