// Decides whether a credential is right, without ever making an event loop wait.
//
// A credential that was verified before is answered at once from a keyed cache. Any other is hashed
// on a bounded pool of threads; equal ones in flight are hashed once. Failures are limited per
// address (IPv6: per /64) and per account, whether it exists or not; a refused attempt costs no
// hash.
//
// A lock-out must not be a weapon: a credential that was right before, against the same line of the
// password file,
//   - is never refused for what others did to its account;
//   - is never refused for what its address did, if it was right from that address before. From
//     another address it obeys that address's limit: otherwise whoever was out of tokens could go
//     on guessing the remembered passwords, at the speed of the cache instead of bcrypt's;
//   - has a queue of its own for the time when it has to be hashed again.
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
#include "auth/keyed_hash.h"
#include "auth/password_hash.h"
#include "auth/verdict.h"
#include "base/address.h"

namespace layergate::auth {

class Authenticator {
 public:
  struct Options {
    std::chrono::seconds cache_ttl{300};  // after this a remembered credential is hashed again
    unsigned threads = 0;                 // hashing threads; 0: half the cores, at least one
    // Different credentials that wait to be hashed, at most; the remembered ones that wait to be
    // hashed again are counted apart, up to as many. One address may hold a quarter.
    std::size_t queue = 256;
    std::size_t cache_entries = 65536;
    // Failures: a bucket of this many, refilled at this many a minute. A burst below 1 or a rate of
    // 0 switches that limit off.
    double address_burst = 30, address_per_minute = 30;
    double account_burst = 100, account_per_minute = 60;
  };

  // What the outside does for it; tests put other things here.
  struct Means {
    std::function<Match(std::string_view password, const std::string& hash)> verify =
        verify_password;
    std::function<std::chrono::steady_clock::time_point()> now = std::chrono::steady_clock::now;
  };

  struct Counters {
    // Checks that were answered from the cache, rejected, throttled, overloaded.
    std::uint64_t remembered, rejected, throttled, overloaded;
    std::uint64_t hashed;  // hashes that were computed
    std::size_t queued, cached;
  };

  // Has an empty password file at first, and so rejects everybody.
  // Throws std::runtime_error if OpenSSL has no random bytes, std::system_error for want of
  // threads.
  explicit Authenticator(const Options& options) : Authenticator(options, Means{}) {}
  Authenticator(const Options& options, Means means);
  // Ends the threads, once each has finished the hash in its hands; completions that were not
  // called are dropped. Must not run inside a completion.
  ~Authenticator();
  Authenticator(const Authenticator&) = delete;
  Authenticator& operator=(const Authenticator&) = delete;

  // Replaces the password file. A cached credential holds only for the very hash that it was
  // verified against, so a changed or removed line ends it with the next request; a check that runs
  // meanwhile is decided by the new file (rejected if its line is not in there).
  // REQUIRES: htpasswd is not null.
  void set_htpasswd(std::shared_ptr<const Htpasswd> htpasswd);

  // Answers at once where it can. Otherwise returns nothing and calls `done` exactly once, on a
  // thread of the pool, which waits for it: `done` hands the verdict over and returns. It must not
  // throw.
  std::optional<Verdict> check(Credential credential, const IpAddress& from,
                               std::function<void(Verdict)> done);
  // The same for an account that may not be used at all (disabled, expired, without rights): like
  // an unknown one it is never accepted, after as much work, so that neither status nor time tells
  // whether the password was right.
  std::optional<Verdict> check_in_vain(Credential credential, const IpAddress& from,
                                       std::function<void(Verdict)> done);

  // Equal exactly while the account's line in the password file is the same; nothing without a
  // line.
  [[nodiscard]] std::optional<KeyedHash> line_of(const std::string& user) const;

  [[nodiscard]] Counters counters() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace layergate::auth
