// A request's body that is needed whole: manifests.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>

#include "proxy/buffer.h"
#include "proxy/chunk_decoder.h"
#include "proxy/http.h"
#include "proxy/socket.h"

namespace layergate::proxy {

// How many bytes of bodies all workers may hold at once, and one account of them: clients decide
// how many come. Counted as they arrive, so that what was only announced takes nothing.
//
// Thread safety: all members may be called from any thread.
class BodyBudget {
 public:
  static constexpr std::size_t kMost = 256U << 20U;  // bytes
  static constexpr std::size_t kMostOfAccount = kMost / 4;

  [[nodiscard]] bool take(const std::string& account, std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    auto& own = held_[account];
    if (all_ + bytes > kMost || own + bytes > kMostOfAccount) {
      if (own == 0) held_.erase(account);
      return false;
    }
    own += bytes;
    all_ += bytes;
    return true;
  }
  // REQUIRES: take() said yes to as many.
  void give_back(const std::string& account, std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    const auto own = held_.find(account);
    own->second -= bytes;
    if (own->second == 0) held_.erase(own);
    all_ -= bytes;
  }

 private:
  std::mutex mutex_;
  std::size_t all_ = 0;                                // guarded by mutex_
  std::unordered_map<std::string, std::size_t> held_;  // guarded by mutex_
};

class BodyReader {
 public:
  enum class Status : std::uint8_t { partial, complete, closed, malformed, too_large };

  // `received` holds what was already read from the socket. `most`: bytes of body.
  BodyReader(Socket& socket, Buffer& received, const Framing& framing, std::size_t most)
      : socket_(socket), received_(received), framing_(framing), most_(most) {}

  // Reads what is there.
  Status step();
  [[nodiscard]] const std::string& body() const { return body_; }
  [[nodiscard]] std::string take() { return std::move(body_); }

 private:
  Status take_received();

  Socket& socket_;
  Buffer& received_;
  const Framing framing_;
  const std::size_t most_;
  ChunkDecoder decoder_;
  std::string body_;
};

}  // namespace layergate::proxy
