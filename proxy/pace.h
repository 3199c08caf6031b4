// How a body moves: when it last did, and whether it does so too slowly.
#pragma once

#include <chrono>
#include <cstdint>

#include "config/config.h"

namespace layergate::proxy {

class Pace {
 public:
  using Clock = std::chrono::steady_clock;

  explicit Pace(Clock::time_point now) : moved_at_(now), window_start_(now) {}

  // A body begins.
  void begin(Clock::time_point now) {
    moved_ = window_moved_ = 0;
    moved_at_ = window_start_ = now;
  }
  // Something else than a body has moved.
  void touch(Clock::time_point now) { moved_at_ = now; }
  // So many bytes of it have moved by now.
  void note(std::uint64_t moved, Clock::time_point now) {
    if (moved == moved_) return;
    moved_ = moved;
    moved_at_ = now;
  }
  // About once a second.
  void tick(const config::Limits& limits, Clock::time_point now);

  [[nodiscard]] std::uint64_t moved() const { return moved_; }
  [[nodiscard]] Clock::duration still(Clock::time_point now) const { return now - moved_at_; }
  // On average over limits.idle. Small bodies end before that is over.
  [[nodiscard]] bool is_too_slow(const config::Limits& limits, Clock::time_point now) const;

 private:
  Clock::time_point moved_at_;
  Clock::time_point window_start_;
  std::uint64_t moved_ = 0;
  std::uint64_t window_moved_ = 0;
};

}  // namespace layergate::proxy
