// Takes the body of an upload from its client, in pieces that are large enough to be worth a task
// of their own, and no more of them than the disk keeps up with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "proxy/buffer.h"
#include "proxy/chunk_decoder.h"
#include "proxy/http.h"
#include "proxy/socket.h"
#include "storage/pieces.h"

namespace layergate::proxy {

class UploadReceiver {
 public:
  enum class Status : std::uint8_t {
    moving,
    ended,   // the whole body was received; the last pieces of it may still wait here
    closed,  // the client ended before the body did
    malformed,
  };

  // `received` holds what was already read from the socket, and in the end what follows the body.
  // Both must outlive this. `again`: step() may get on where there was no memory; it may be called
  // from any thread, or never.
  UploadReceiver(Socket& socket, Buffer& received, const Framing& framing,
                 std::shared_ptr<storage::Pieces> memory, std::function<void()> again);
  ~UploadReceiver();
  UploadReceiver(const UploadReceiver&) = delete;
  UploadReceiver& operator=(const UploadReceiver&) = delete;

  // Receives what is there and what there is room for.
  Status step();
  // What has come, to be written by somebody else. Until it is, an equal part may come.
  [[nodiscard]] std::vector<storage::Piece> take();
  [[nodiscard]] bool has_some() const { return !pieces_.empty(); }

  // Whether it waits for the client, and not for the disk or for memory.
  [[nodiscard]] bool wants_read() const { return wants_read_; }
  [[nodiscard]] bool ended() const { return left_ == 0; }
  [[nodiscard]] std::uint64_t moved() const { return moved_; }  // bytes of body

 private:
  // Between two turns of the thread that writes; as much again is with that thread.
  static constexpr std::size_t kMostPieces = 2;

  enum class Io : std::uint8_t { progress, blocked, closed, malformed };

  Io receive(storage::Piece& piece);
  Io receive_length(storage::Piece& piece);
  Io receive_chunked(storage::Piece& piece);
  // Of a span that starts with coded bytes; how many of them were the body's coding.
  Io decode(std::span<char> coded, std::size_t& consumed, std::size_t& produced);
  void adjust_low_water();

  Socket& socket_;
  Buffer& received_;
  const bool is_chunked_;
  const std::shared_ptr<storage::Pieces> memory_;
  const std::function<void()> again_;
  ChunkDecoder decoder_;
  std::vector<storage::Piece> pieces_;
  std::uint64_t left_;  // bytes; of a chunked body, 1 until it has ended
  std::uint64_t moved_ = 0;
  bool wants_read_ = false;
};

}  // namespace layergate::proxy
