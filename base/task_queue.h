// Tasks that other threads hand to the thread of an event loop.
//
// Thread safety: post() may be called from any thread; take() is the loop's.
#pragma once

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>
#include <functional>
#include <mutex>
#include <utility>
#include <vector>

#include "base/fd.h"

namespace layergate {

class TaskQueue {
 public:
  using Tasks = std::vector<std::function<void()>>;

  void post(std::function<void()> task) {
    {
      const std::lock_guard lock(mutex_);
      tasks_.push_back(std::move(task));
      if (tasks_.size() > 1) return;  // who posted the first has woken the loop, or is about to
    }
    const std::uint64_t one = 1;
    // Fails only if 2^64-1 wake-ups wait already.
    [[maybe_unused]] const auto written = ::write(wake_.get(), &one, sizeof one);
  }

  // Readable while tasks wait.
  [[nodiscard]] int fd() const { return wake_.get(); }

  // All that were posted, to be run in this order.
  [[nodiscard]] Tasks take() {
    std::uint64_t count = 0;
    [[maybe_unused]] const auto read = ::read(wake_.get(), &count, sizeof count);
    const std::lock_guard lock(mutex_);
    return std::exchange(tasks_, {});
  }

 private:
  const Fd wake_{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  std::mutex mutex_;
  Tasks tasks_;  // guarded by mutex_
};

}  // namespace layergate
