#include "auth/authenticator.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>

#include "auth/failure_limits.h"
#include "auth/hash_pool.h"
#include "auth/verified_cache.h"

namespace layergate::auth {
namespace {

unsigned threads_for(unsigned wanted) {
  return wanted != 0 ? wanted : std::max(std::thread::hardware_concurrency() / 2, 1U);
}

KeyedHash address_key(std::uint64_t network) {
  return keyed_hash(Purpose::address,
                    {std::string_view(reinterpret_cast<const char*>(&network), sizeof network)});
}

KeyedHash account_key(const std::string& user) { return keyed_hash(Purpose::account, {user}); }

}  // namespace

struct Authenticator::Impl {
  Impl(const Options& options, Means means)
      : means_(std::move(means)),
        htpasswd_(Htpasswd::parse("", "").htpasswd),
        cache_(options.cache_entries, options.cache_ttl),
        addresses_(options.address_burst, options.address_per_minute),
        accounts_(options.account_burst, options.account_per_minute),
        pool_(threads_for(options.threads), options.queue, hooks()) {}

  // `usable`: the account's line in the password file may count.
  std::optional<Verdict> check(Credential credential, const IpAddress& from, bool usable,
                               std::function<void(Verdict)> done);

  [[nodiscard]] std::shared_ptr<const Htpasswd> present() const {
    const std::lock_guard lock(htpasswd_mutex_);
    return htpasswd_;
  }

  HashPool::Hooks hooks();
  Verdict settle(const HashPool::Job& job, Match match);
  void settled(const HashPool::Job& job, Match match, Verdict verdict,
               const std::vector<std::uint64_t>& networks, std::size_t waiters);

  const Means means_;
  // Not std::atomic<std::shared_ptr>: libstdc++ 12 unlocks its bit with relaxed order, a data race
  // by the letter and for ThreadSanitizer.
  mutable std::mutex htpasswd_mutex_;
  std::shared_ptr<const Htpasswd> htpasswd_;

  VerifiedCache cache_;
  FailureLimits addresses_;
  FailureLimits accounts_;

  std::atomic<std::uint64_t> remembered_{0}, hashed_{0}, rejected_{0}, throttled_{0},
      overloaded_{0};

  HashPool pool_;  // the last: its threads use all of the above
};

HashPool::Hooks Authenticator::Impl::hooks() {
  return {means_.verify,
          [this](const HashPool::Job& job, Match match) { return settle(job, match); },
          [this](const HashPool::Job& job, Match match, Verdict verdict,
                 const std::vector<std::uint64_t>& networks,
                 std::size_t waiters) { settled(job, match, verdict, networks, waiters); }};
}

std::optional<Verdict> Authenticator::Impl::check(Credential credential, const IpAddress& from,
                                                  bool usable, std::function<void(Verdict)> done) {
  const auto throttle = [this] {
    throttled_.fetch_add(1, std::memory_order_relaxed);
    return Verdict::throttled;
  };
  const auto htpasswd = present();
  const std::string* line = usable ? htpasswd->find(credential.user) : nullptr;
  const std::string& hash = line != nullptr ? *line : htpasswd->decoy();
  const auto key =
      keyed_hash(Purpose::credential, {credential.user, credential.password.view(), hash});
  const auto network = network_of(from);
  const auto now = means_.now();

  const auto found = cache_.find(key, network, now);
  const bool at_home = found && found->from_here;
  if (!at_home) {
    const auto address = address_key(network);
    if (addresses_.exhausted(address, now)) return throttle();
    if (!found && accounts_.exhausted(account_key(credential.user), now)) {
      // Charged although nothing was hashed: an answer other than this one would have told that the
      // credential is remembered, so it was a guess like any other.
      addresses_.charge(address, now);
      return throttle();
    }
  }
  if (found && found->fresh) {
    if (!at_home) cache_.note_network(key, network);
    remembered_.fetch_add(1, std::memory_order_relaxed);
    return Verdict::accepted;
  }

  const bool queued = pool_.submit({key, std::move(credential), hash, found.has_value(), network},
                                   {network, std::move(done)});
  if (queued) return std::nullopt;
  overloaded_.fetch_add(1, std::memory_order_relaxed);
  return Verdict::overloaded;
}

Verdict Authenticator::Impl::settle(const HashPool::Job& job, Match match) {
  hashed_.fetch_add(1, std::memory_order_relaxed);
  if (match == Match::failed) return Verdict::overloaded;
  if (match == Match::no) {
    accounts_.charge(account_key(job.credential.user), means_.now());
    return Verdict::rejected;
  }
  // The file may have been replaced meanwhile; only what stands in the present one counts. This
  // also rejects whatever might match a decoy.
  const auto htpasswd = present();
  const std::string* line = htpasswd->find(job.credential.user);
  if (line == nullptr || *line != job.hash) return Verdict::rejected;
  cache_.put(job.key, means_.now());
  return Verdict::accepted;
}

void Authenticator::Impl::settled(const HashPool::Job& job, Match match, Verdict verdict,
                                  const std::vector<std::uint64_t>& networks, std::size_t waiters) {
  const auto now = means_.now();
  for (const auto network : networks) {
    if (match == Match::no) addresses_.charge(address_key(network), now);
    if (verdict == Verdict::accepted) cache_.note_network(job.key, network);
  }
  if (verdict == Verdict::rejected) rejected_.fetch_add(waiters, std::memory_order_relaxed);
  if (verdict == Verdict::overloaded) overloaded_.fetch_add(waiters, std::memory_order_relaxed);
}

Authenticator::Authenticator(const Options& options, Means means)
    : impl_(std::make_unique<Impl>(options, std::move(means))) {}
Authenticator::~Authenticator() = default;

void Authenticator::set_htpasswd(std::shared_ptr<const Htpasswd> htpasswd) {
  const std::lock_guard lock(impl_->htpasswd_mutex_);
  impl_->htpasswd_.swap(htpasswd);  // the old one is freed by the caller, outside the lock
}

std::optional<Verdict> Authenticator::check(Credential credential, const IpAddress& from,
                                            std::function<void(Verdict)> done) {
  return impl_->check(std::move(credential), from, true, std::move(done));
}

std::optional<Verdict> Authenticator::check_in_vain(Credential credential, const IpAddress& from,
                                                    std::function<void(Verdict)> done) {
  return impl_->check(std::move(credential), from, false, std::move(done));
}

std::optional<KeyedHash> Authenticator::line_of(const std::string& user) const {
  const auto htpasswd = impl_->present();
  const auto* line = htpasswd->find(user);
  if (line == nullptr) return std::nullopt;
  return keyed_hash(Purpose::line, {user, *line});
}

Authenticator::Counters Authenticator::counters() const {
  const auto read = [](const auto& counter) { return counter.load(std::memory_order_relaxed); };
  return {read(impl_->remembered_), read(impl_->rejected_), read(impl_->throttled_),
          read(impl_->overloaded_), read(impl_->hashed_),   impl_->pool_.queued(),
          impl_->cache_.size()};
}

}  // namespace layergate::auth
