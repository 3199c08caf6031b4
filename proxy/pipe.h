// Kernel pipes that bodies pass through on their way from one socket to another.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <vector>

#include "base/fd.h"

namespace layergate::proxy {

struct Pipe {
  Fd read_end;
  Fd write_end;
  std::size_t capacity = 0;  // bytes
  std::size_t held = 0;      // bytes; only a pipe that holds none goes back to its pool
};

// How many pipes the process may have: what the limit of open files leaves beside its clients and
// their connections to the registry, which come first.
//
// Thread safety: all members may be called from any thread.
class PipeBudget {
 public:
  explicit PipeBudget(std::size_t most) : left_(static_cast<std::ptrdiff_t>(most)) {}

  [[nodiscard]] bool take() {
    if (--left_ >= 0) return true;
    ++left_;
    return false;
  }
  void give_back() { ++left_; }

 private:
  std::atomic<std::ptrdiff_t> left_;
};

// Thread safety: belongs to one worker.
//
// The kernel gives a user that is not root 16,384 pipe pages (pipe-user-pages-soft), and a pipe
// beyond them two pages: splice through such a pipe is slower than a copy, so that none is given
// out below kMinimum.
class PipePool {
 public:
  static constexpr std::size_t kPreferred = 1U << 20U;
  static constexpr std::size_t kMinimum = 256U << 10U;

  // The budget must outlive the pool.
  explicit PipePool(PipeBudget& budget) : budget_(budget) {}
  ~PipePool();
  PipePool(const PipePool&) = delete;
  PipePool& operator=(const PipePool&) = delete;

  // nullptr if no good pipe is to be had: copy instead.
  std::unique_ptr<Pipe> take();
  void give_back(std::unique_ptr<Pipe> pipe);

 private:
  PipeBudget& budget_;
  std::vector<std::unique_ptr<Pipe>> idle_;
  unsigned refused_ = 0;  // turns to skip before the kernel is asked again
};

}  // namespace layergate::proxy
