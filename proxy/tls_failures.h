// Tells of handshakes that failed. Anybody can cause them, so at most one line a second is written;
// the others are counted in it.
//
// Thread safety: all members may be called from any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>

#include "base/address.h"

namespace layergate::proxy {

class TlsFailures {
 public:
  using Clock = std::chrono::steady_clock;

  void tell(const IpAddress& peer, const std::string& why);
  // The line for the log, or nothing if it is too soon for another.
  std::string line(const IpAddress& peer, const std::string& why, Clock::time_point now);

 private:
  std::mutex mutex_;
  Clock::time_point next_;    // guarded by mutex_
  std::uint64_t untold_ = 0;  // guarded by mutex_
};

}  // namespace layergate::proxy
