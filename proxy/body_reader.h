// A request's body that is needed whole: manifests.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "proxy/buffer.h"
#include "proxy/chunk_decoder.h"
#include "proxy/http.h"
#include "proxy/socket.h"

namespace layergate::proxy {

// How many bytes of bodies all workers may hold at once: clients decide how many come.
//
// Thread safety: all members may be called from any thread.
class BodyBudget {
 public:
  static constexpr std::int64_t kMost = 256LL << 20;  // bytes

  [[nodiscard]] bool take(std::int64_t bytes) {
    if (held_.fetch_add(bytes) + bytes <= kMost) return true;
    held_ -= bytes;
    return false;
  }
  // REQUIRES: take() said yes to as many.
  void give_back(std::int64_t bytes) { held_ -= bytes; }

 private:
  std::atomic<std::int64_t> held_{0};
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
