// Kernel pipes that bodies pass through on their way from one socket to another.
#pragma once

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

// Thread safety: belongs to one worker.
//
// The kernel gives a user that is not root 16,384 pipe pages (pipe-user-pages-soft), and a pipe
// beyond them two pages: splice through such a pipe is slower than a copy, so that none is given
// out below kMinimum.
class PipePool {
 public:
  static constexpr std::size_t kPreferred = 1U << 20U;
  static constexpr std::size_t kMinimum = 256U << 10U;

  // nullptr if no good pipe is to be had: copy instead.
  std::unique_ptr<Pipe> take();
  void give_back(std::unique_ptr<Pipe> pipe);

 private:
  std::vector<std::unique_ptr<Pipe>> idle_;
  unsigned refused_ = 0;  // turns to skip before the kernel is asked again
};

}  // namespace layergate::proxy
