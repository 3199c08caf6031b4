// Hashing and a clock that a test holds in its hands, and a way to wait for verdicts.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "auth/authenticator.h"
#include "auth/hash_form.h"

namespace layergate::auth {

// After this a test fails instead of hanging.
inline constexpr std::chrono::seconds kPatience{20};

// A password matches if it is "right", and a decoy like any line: the authenticator alone has to
// keep the users out that do not exist.
class FakeHashing {
 public:
  Authenticator::Means means() {
    return {[this](std::string_view password, const std::string& hash) {
              return verify(password, hash);
            },
            [this] {
              const std::lock_guard lock(mutex_);
              return now_;
            }};
  }

  void hold() { set_held(true); }
  void let_go() { set_held(false); }
  void pass(std::chrono::seconds time) {
    const std::lock_guard lock(mutex_);
    now_ += time;
  }
  void set_outcome(std::optional<Match> outcome) {
    const std::lock_guard lock(mutex_);
    outcome_ = outcome;
  }
  // Waits until so many hashes have begun since the start.
  void wait_for_begun(std::size_t count) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, kPatience, [&] { return passwords_.size() >= count; })) {
      throw std::runtime_error("so many hashes never began");
    }
  }
  // Of all hashes that have begun, in order: the password, and what kind of hash it was.
  std::vector<std::string> passwords() {
    const std::lock_guard lock(mutex_);
    return passwords_;
  }
  std::vector<std::string> kinds() {
    const std::lock_guard lock(mutex_);
    return kinds_;
  }

 private:
  Match verify(std::string_view password, const std::string& hash) {
    std::unique_lock lock(mutex_);
    passwords_.emplace_back(password);
    kinds_.push_back(recognise_hash(hash)->to_string());
    changed_.notify_all();
    changed_.wait_for(lock, kPatience, [&] { return !held_; });
    if (outcome_) return *outcome_;
    return password == "right" ? Match::yes : Match::no;
  }
  void set_held(bool held) {
    const std::lock_guard lock(mutex_);
    held_ = held;
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool held_ = false;
  std::optional<Match> outcome_;
  std::vector<std::string> passwords_;
  std::vector<std::string> kinds_;
  std::chrono::steady_clock::time_point now_{std::chrono::hours{1}};
};

class Verdicts {
 public:
  std::function<void(Verdict)> taker() {
    return [this](Verdict verdict) {
      const std::lock_guard lock(mutex_);
      list_.push_back(verdict);
      changed_.notify_all();
    };
  }
  std::vector<Verdict> wait_for(std::size_t count) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, kPatience, [&] { return list_.size() >= count; })) {
      throw std::runtime_error("so many verdicts never came");
    }
    return list_;
  }
  std::size_t count() {
    const std::lock_guard lock(mutex_);
    return list_.size();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Verdict> list_;
};

inline IpAddress address(const char* text) { return *IpAddress::parse(text); }

// The verdict, however it comes.
inline Verdict verdict_of(Authenticator& authenticator, const std::string& user,
                          std::string_view password, const IpAddress& from) {
  Verdicts verdicts;
  const auto at_once = authenticator.check({user, Secret(password)}, from, verdicts.taker());
  return at_once ? *at_once : verdicts.wait_for(1).front();
}

}  // namespace layergate::auth
