#include "proxy/pipe.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <utility>

namespace layergate::proxy {
namespace {

constexpr std::size_t kMostIdle = 16;

std::unique_ptr<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) return nullptr;
  auto pipe = std::make_unique<Pipe>(Pipe{Fd(ends[0]), Fd(ends[1]), 0, 0});
  for (auto size = PipePool::kPreferred; size >= PipePool::kMinimum; size /= 2) {
    const int got = ::fcntl(ends[1], F_SETPIPE_SZ, static_cast<int>(size));
    if (got >= 0) {
      pipe->capacity = static_cast<std::size_t>(got);
      return pipe;
    }
  }
  return nullptr;
}

}  // namespace

PipePool::~PipePool() {
  for (const auto& pipe : idle_) {
    if (pipe) budget_.give_back();
  }
}

std::unique_ptr<Pipe> PipePool::take() {
  if (!idle_.empty()) {
    auto pipe = std::move(idle_.back());
    idle_.pop_back();
    return pipe;
  }
  if (refused_ > 0) {
    --refused_;
    return nullptr;
  }
  if (!budget_.take()) return nullptr;
  auto pipe = make_pipe();
  if (!pipe) {
    refused_ = 64;
    budget_.give_back();
  }
  return pipe;
}

void PipePool::give_back(std::unique_ptr<Pipe> pipe) {
  if (!pipe) return;
  if (pipe->held == 0 && idle_.size() < kMostIdle) {
    idle_.push_back(std::move(pipe));
    return;
  }
  pipe.reset();
  budget_.give_back();
}

}  // namespace layergate::proxy
