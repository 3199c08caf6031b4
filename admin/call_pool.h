// The threads that carry out calls: disks, locks and the hashing of new passwords make them wait,
// which the admin port's loop must not.
//
// Thread safety: submit() may be called from any thread.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace layergate::admin {

class CallPool {
 public:
  CallPool(unsigned threads, std::size_t queue);
  // Waits for the tasks that run; what waits is dropped.
  ~CallPool();
  CallPool(const CallPool&) = delete;
  CallPool& operator=(const CallPool&) = delete;

  // False if there is no room; then the task is never run. It must not throw.
  [[nodiscard]] bool submit(std::function<void()> task);

 private:
  void run();

  const std::size_t most_;
  std::mutex mutex_;
  std::condition_variable work_;
  bool stopping_ = false;                      // guarded by mutex_
  std::deque<std::function<void()>> waiting_;  // guarded by mutex_
  std::vector<std::thread> threads_;
};

}  // namespace layergate::admin
