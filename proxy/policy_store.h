// The policy in force, and what is known of the last attempt to load another.
//
// Thread safety: all members may be called from any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "acl/policy.h"
#include "base/clock.h"

namespace layergate::proxy {

class PolicyStore {
 public:
  struct State {
    std::uint64_t generation = 0;                // counts the policies that came into force
    WallTime loaded{};                           // when the present one did
    std::uint64_t failures = 0;                  // loads that were refused, in all
    std::vector<std::string> problems;           // of the last load; empty if it was taken
    std::vector<std::string> htpasswd_problems;  // the same for the password file
  };

  // Never null after the first set().
  [[nodiscard]] std::shared_ptr<const acl::Policy> current() const {
    const std::lock_guard lock(mutex_);
    return policy_;
  }

  void set(std::shared_ptr<const acl::Policy> policy) {
    const std::lock_guard lock(mutex_);
    policy_ = std::move(policy);
    ++state_.generation;
    state_.loaded = wall_now();
    state_.problems.clear();
  }

  void refuse(std::vector<std::string> problems) {
    const std::lock_guard lock(mutex_);
    state_.problems = std::move(problems);
    ++state_.failures;
  }

  void set_htpasswd_problems(std::vector<std::string> problems) {
    const std::lock_guard lock(mutex_);
    if (!problems.empty()) ++state_.failures;
    state_.htpasswd_problems = std::move(problems);
  }

  [[nodiscard]] State state() const {
    const std::lock_guard lock(mutex_);
    return state_;
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const acl::Policy> policy_;
  State state_;
};

}  // namespace layergate::proxy
