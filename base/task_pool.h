// Threads for what makes one wait (disks, locks, the hashing of passwords), which a loop must not.
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

namespace layergate {

class TaskPool {
 public:
  TaskPool(unsigned threads, std::size_t queue);
  // Waits for the tasks that run; what waits is dropped.
  ~TaskPool();
  TaskPool(const TaskPool&) = delete;
  TaskPool& operator=(const TaskPool&) = delete;

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

}  // namespace layergate
