// The threads that hash passwords, and the bounded queues before them.
//
// Two queues: one for credentials that nobody has seen right yet, and one for those that were right
// and are checked again. While both hold something the second gets three turns of four, so a flood
// of guesses delays those who belong here little. In the first queue no network may hold more than
// a quarter, so one that floods it leaves room for others.
//
// Equal jobs (by key) are one: whoever asks while it waits or runs gets its verdict.
//
// Thread safety: submit() and the counts may be called from any thread.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "auth/credential.h"
#include "auth/keyed_hash.h"
#include "auth/password_hash.h"
#include "auth/verdict.h"

namespace layergate::auth {

class HashPool {
 public:
  struct Job {
    KeyedHash key{};
    Credential credential;
    std::string hash;           // what the password is checked against: a line's, or the decoy
    bool was_right = false;     // goes to the second queue
    std::uint64_t network = 0;  // whose share of the queue it takes
  };
  struct Waiter {
    std::uint64_t network;
    std::function<void(Verdict)> done;
  };
  // Both are called on the pool's threads, without a lock held, and must not throw.
  struct Hooks {
    std::function<Match(std::string_view password, const std::string& hash)> verify;
    // Turns the outcome into the verdict. Whoever asks the same after this returned no longer
    // joins.
    std::function<Verdict(const Job&, Match)> settle;
    // Called before the waiters get the verdict, with the networks they came from, each once.
    std::function<void(const Job&, Match, Verdict, const std::vector<std::uint64_t>& networks,
                       std::size_t waiters)>
        settled;
  };

  HashPool(unsigned threads, std::size_t queue, Hooks hooks);
  // Waits for the hashes that run. What waits is dropped; no waiter is called after it returned.
  ~HashPool();
  HashPool(const HashPool&) = delete;
  HashPool& operator=(const HashPool&) = delete;

  // False if there is no room; then `waiter` is never called.
  [[nodiscard]] bool submit(Job job, Waiter waiter);

  [[nodiscard]] std::size_t queued() const;

 private:
  struct Entry {
    Job job;
    std::vector<Waiter> waiters;  // under mutex_
  };

  void run();
  void stop();
  Entry* take_next();  // REQUIRES: mutex_ is held. Null if both queues are empty.
  void conclude(Entry& entry, Match match, Verdict verdict);

  const std::size_t most_;
  const std::size_t most_of_one_network_;
  const Hooks hooks_;

  mutable std::mutex mutex_;
  std::condition_variable work_;
  bool stopping_ = false;
  unsigned turn_ = 0;
  std::deque<Entry*> strangers_;
  std::deque<Entry*> known_;
  std::unordered_map<std::uint64_t, std::size_t> waiting_of_;  // strangers, by network
  std::unordered_map<KeyedHash, std::unique_ptr<Entry>, KeyedHashHasher> entries_;
  std::vector<std::thread> threads_;
};

}  // namespace layergate::auth
