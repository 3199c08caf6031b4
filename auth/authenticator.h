// Decides whether a credential is right, without ever making an event loop wait.
//
// A credential that was verified before is answered at once from a keyed cache. Any other is hashed
// on a bounded pool of threads; equal ones in flight are hashed once. Failures are limited per
// address and per account, but a credential that was right before is never refused by a limit: a
// lock-out must not be a weapon.
//
// Thread safety: all members may be called from any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "auth/credential.h"
#include "auth/htpasswd.h"
#include "base/address.h"

namespace layergate::auth {

enum class Verdict : std::uint8_t {
  accepted,
  rejected,    // unknown user or wrong password: not told apart, in time either
  throttled,   // too many failures from this address or for this account: 429
  overloaded,  // the pool's queue is full: 503
};

class Authenticator {
 public:
  struct Options {
    std::chrono::seconds cache_ttl{300};  // after this a remembered credential is hashed again
    unsigned threads = 0;                 // hashing threads; 0: half the cores, at least one
    std::size_t queue = 256;              // waiting credentials, at most
    std::size_t cache_entries = 65536;
    // Failures: a bucket of this many, refilled at this many a minute.
    double address_burst = 30, address_per_minute = 30;
    double account_burst = 100, account_per_minute = 60;
  };

  struct Counters {
    std::uint64_t remembered, hashed, rejected, throttled, overloaded;
    std::size_t queued, cached;
  };

  explicit Authenticator(const Options& options);
  ~Authenticator();  // ends the threads; completions that were not called are dropped

  // Replaces the password file. A cached credential holds only for the very hash that it was
  // verified against, so a changed or removed line ends it with the next request.
  void set_htpasswd(std::shared_ptr<const Htpasswd> htpasswd);

  // Answers at once where it can. Otherwise returns nothing and calls `done` exactly once, on a
  // thread of the pool.
  std::optional<Verdict> check(Credential credential, const IpAddress& from,
                               std::function<void(Verdict)> done);

  [[nodiscard]] Counters counters() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace layergate::auth
