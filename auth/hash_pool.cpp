#include "auth/hash_pool.h"

#include <pthread.h>
#include <signal.h>

#include <algorithm>

namespace layergate::auth {
namespace {

// Signals are for the program's own threads: SIGTERM must not end up in one that hashes.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_{};
};

}  // namespace

HashPool::HashPool(unsigned threads, std::size_t queue, Hooks hooks)
    : most_(std::max<std::size_t>(queue, 1)),
      most_of_one_network_(std::max<std::size_t>(queue / 4, 1)),
      hooks_(std::move(hooks)) {
  const SignalsBlocked blocked;
  try {
    for (unsigned i = 0; i < std::max(threads, 1U); ++i) {
      threads_.emplace_back([this] { run(); });
      pthread_setname_np(threads_.back().native_handle(), "hash");
    }
  } catch (...) {
    stop();
    throw;
  }
}

HashPool::~HashPool() { stop(); }

void HashPool::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  work_.notify_all();
  for (auto& thread : threads_) thread.join();
}

bool HashPool::submit(Job job, Waiter waiter) {
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = entries_.find(job.key); found != entries_.end()) {
      found->second->waiters.push_back(std::move(waiter));
      return true;
    }
    auto& queue = job.was_right ? known_ : strangers_;
    if (queue.size() >= most_) return false;
    if (!job.was_right) {
      auto& waiting = waiting_of_[job.network];
      if (waiting >= most_of_one_network_) return false;
      ++waiting;
    }
    auto entry = std::make_unique<Entry>();
    entry->job = std::move(job);
    entry->waiters.push_back(std::move(waiter));
    queue.push_back(entry.get());
    const auto key = entry->job.key;
    entries_.emplace(key, std::move(entry));
  }
  work_.notify_one();
  return true;
}

std::size_t HashPool::queued() const {
  const std::lock_guard lock(mutex_);
  return strangers_.size() + known_.size();
}

HashPool::Entry* HashPool::take_next() {
  const bool strangers_turn = known_.empty() || ++turn_ % 4 == 0;
  auto& queue = strangers_turn && !strangers_.empty() ? strangers_ : known_;
  if (queue.empty()) return nullptr;
  Entry* entry = queue.front();
  queue.pop_front();
  if (!entry->job.was_right) {
    const auto waiting = waiting_of_.find(entry->job.network);
    if (--waiting->second == 0) waiting_of_.erase(waiting);
  }
  return entry;
}

void HashPool::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    Entry* next = nullptr;
    work_.wait(lock, [&] { return stopping_ || (next = take_next()) != nullptr; });
    if (stopping_) return;

    lock.unlock();
    // Only the waiters are touched by others while it runs; the job is this thread's.
    const Match match = hooks_.verify(next->job.credential.password.view(), next->job.hash);
    const Verdict verdict = hooks_.settle(next->job, match);
    lock.lock();
    const auto entry = std::move(entries_.extract(next->job.key).mapped());
    lock.unlock();
    conclude(*entry, match, verdict);
    lock.lock();
  }
}

void HashPool::conclude(Entry& entry, Match match, Verdict verdict) {
  std::vector<std::uint64_t> networks;
  networks.reserve(entry.waiters.size());
  for (const auto& waiter : entry.waiters) networks.push_back(waiter.network);
  std::sort(networks.begin(), networks.end());
  networks.erase(std::unique(networks.begin(), networks.end()), networks.end());
  hooks_.settled(entry.job, match, verdict, networks, entry.waiters.size());
  for (auto& waiter : entry.waiters) {
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
    }
    waiter.done(verdict);
  }
}

}  // namespace layergate::auth
