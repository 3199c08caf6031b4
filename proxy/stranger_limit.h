// How many connections one address may hold before any request on them had a right credential:
// opening connections is what anybody can do, and places are few.
//
// Thread safety: all members may be called from any thread.
#pragma once

#include <cstdint>
#include <mutex>
#include <unordered_map>

#include "base/address.h"

namespace layergate::proxy {

class StrangerLimit {
 public:
  explicit StrangerLimit(int most) : most_(most) {}

  // Counts one more connection of the address (IPv6: of its /64), or says no.
  [[nodiscard]] bool enter(const IpAddress& address) {
    const std::lock_guard lock(mutex_);
    auto& count = counts_[network_of(address)];
    if (count >= most_) return false;
    ++count;
    return true;
  }

  // It has ended, or is a stranger's no more. REQUIRES: enter() said yes.
  void leave(const IpAddress& address) {
    const std::lock_guard lock(mutex_);
    const auto found = counts_.find(network_of(address));
    if (--found->second == 0) counts_.erase(found);
  }

 private:
  const int most_;
  std::mutex mutex_;
  std::unordered_map<std::uint64_t, int> counts_;  // guarded by mutex_
};

}  // namespace layergate::proxy
