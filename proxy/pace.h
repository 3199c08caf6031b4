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
    moved_ = window_moved_ = ticked_moved_ = owed_ = taken_ = window_taken_ = 0;
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
  // At a tick: so many bytes, of this body and of what was written before it, wait in the kernel
  // for the peer (Socket::unacknowledged). They may be megabytes, which a slow peer takes while
  // nothing new finds room: what it takes is movement too.
  void note_owed(std::uint64_t owed, Clock::time_point now);
  // About once a second.
  void tick(const config::Limits& limits, Clock::time_point now);

  [[nodiscard]] std::uint64_t moved() const { return moved_; }
  [[nodiscard]] Clock::duration still(Clock::time_point now) const { return now - moved_at_; }
  // Of what moved and of what the peer took the larger, on average over limits.idle. Small bodies
  // end before that is over.
  [[nodiscard]] bool is_too_slow(const config::Limits& limits, Clock::time_point now) const;

 private:
  Clock::time_point moved_at_;
  Clock::time_point window_start_;
  std::uint64_t moved_ = 0;
  std::uint64_t window_moved_ = 0;
  std::uint64_t ticked_moved_ = 0;  // `moved_` and what was owed at the last tick
  std::uint64_t owed_ = 0;
  std::uint64_t taken_ = 0;  // by the peer, as far as it is known
  std::uint64_t window_taken_ = 0;
};

}  // namespace layergate::proxy
