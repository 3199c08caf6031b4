// The certificates in force, and what is known of the last attempt to load others.
//
// All files are loaded together and taken together: one that is not right keeps all that were there
// before.
//
// Thread safety: all members may be called from any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "config/config.h"
#include "proxy/tls_context.h"
#include "proxy/tls_tickets.h"
#include "proxy/upstream_tls.h"

namespace layergate::proxy {

class TlsStore {
 public:
  struct Set {
    std::vector<std::shared_ptr<const TlsContext>> listen;  // of each entry; nullptr: plain
    std::shared_ptr<UpstreamTls> upstream;                  // nullptr: plain
  };
  struct Loaded {
    Set set;  // complete exactly if there are no errors
    std::vector<Problem> errors;
    std::vector<Problem> warnings;
  };
  struct State {
    std::uint64_t generation = 0;       // counts the sets that came into force
    WallTime loaded{};                  // when the present one did
    std::uint64_t failures = 0;         // loads that were refused, in all
    std::vector<std::string> problems;  // of the last load; empty if it was taken
    Set set;
  };

  // Every file that the configuration names for TLS.
  static std::vector<std::filesystem::path> files(const config::Config& config);
  static Loaded load(const config::Config& config, TlsTickets& tickets, WallTime now);

  [[nodiscard]] TlsTickets& tickets() { return tickets_; }
  // What the entry of config.listen presents now; nullptr: it is plain.
  [[nodiscard]] std::shared_ptr<const TlsContext> listen(std::size_t entry) const {
    const std::lock_guard lock(mutex_);
    return entry < state_.set.listen.size() ? state_.set.listen[entry] : nullptr;
  }
  [[nodiscard]] std::shared_ptr<UpstreamTls> upstream() const {
    const std::lock_guard lock(mutex_);
    return state_.set.upstream;
  }

  void set(Set set);
  void refuse(std::vector<std::string> problems);
  [[nodiscard]] State state() const {
    const std::lock_guard lock(mutex_);
    return state_;
  }

 private:
  TlsTickets tickets_;  // outlives what is sealed by it
  mutable std::mutex mutex_;
  State state_;  // guarded by mutex_
};

}  // namespace layergate::proxy
