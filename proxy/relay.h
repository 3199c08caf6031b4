// Moves one body from one socket to another.
//
// A body of known length goes through a pipe by splice(2) and is never copied to this process. A
// chunked one is decoded and coded again, because only what was decoded is known to end where the
// other side thinks it ends. Where either side is TLS the bytes have to come here, and go on in the
// largest pieces that there is memory for.
#pragma once

#include <sys/uio.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "proxy/buffer.h"
#include "proxy/chunk_decoder.h"
#include "proxy/http.h"
#include "proxy/pipe.h"
#include "proxy/socket.h"

namespace layergate::proxy {

class Relay {
 public:
  enum class Status : std::uint8_t {
    moving,         // waits for what wants_read() and wants_write() say
    done,           // the body ended and all of it was written
    source_closed,  // the source ended before the body did
    source_failed,
    sink_failed,
    malformed,  // the chunked coding is broken
  };

  struct Options {
    Framing in;
    bool chunked_out = false;  // for a chunked `in`: code it again, or send it plain
  };

  // All references must outlive the relay. `received` holds what was already read from the source;
  // `pending` what goes out before the body (the head). `scratch` is memory that each step may use
  // and that is shared with other relays of the loop.
  Relay(Socket& source, Buffer& received, Socket& sink, Buffer& pending, PipePool& pipes,
        std::span<char> scratch, const Options& options);
  ~Relay();
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  // Moves what can be moved now, at most about kTurn bytes, so that other connections get theirs.
  Status step();

  [[nodiscard]] bool wants_read() const { return wants_read_; }
  [[nodiscard]] bool wants_write() const { return wants_write_; }
  [[nodiscard]] bool source_ended() const { return ended_; }    // the whole body was read
  [[nodiscard]] std::uint64_t moved() const { return moved_; }  // bytes of body read
  // Bytes of body written, but for a few of chunked coding or of TLS. Up to a pipe's size behind
  // moved().
  [[nodiscard]] std::uint64_t delivered() const;
  // The whole body was read and written.
  [[nodiscard]] bool finished() const { return ended_ && waiting() == 0; }

 private:
  using Clock = std::chrono::steady_clock;

  static constexpr std::size_t kTurn = 1U << 20U;

  enum class Io : std::uint8_t {
    progress,
    blocked,  // the source has nothing now
    failed,
    closed,
    malformed,
    sink_full,
    sink_failed,
  };

  Io write_waiting();
  Io read_some();
  Io read_length();
  Io read_chunked();
  Io splice_in();
  Io copy_in();
  Io copy_what_fits();
  Io decode(std::span<char> data, std::size_t& consumed);
  Io write_body(std::string_view data, bool last);
  // Returns how many bytes the sink took; an error shows again when the rest is written.
  std::size_t write_now(std::span<const iovec> parts);
  [[nodiscard]] std::uint64_t waiting() const {
    return pending_.size() + (pipe_ ? pipe_->held : 0) + sink_.unsent();
  }
  [[nodiscard]] bool sink_keeps_up() const;
  // How much to read at once.
  [[nodiscard]] std::size_t piece(std::uint64_t most) const;
  void sink_is_full();
  void sink_has_taken();
  void adjust_low_water();
  void release_pipe();

  Socket& source_;
  Buffer& received_;
  Socket& sink_;
  Buffer& pending_;
  PipePool& pipes_;
  std::span<char> scratch_;
  Options options_;
  std::unique_ptr<Pipe> pipe_;
  ChunkDecoder decoder_;
  std::uint64_t left_;  // of a body of known length, bytes
  std::uint64_t moved_ = 0;
  bool ended_;
  bool can_splice_;
  bool sink_was_full_ = false;  // since when no piece went out whole
  bool sink_is_slow_ = false;   // when it was full, it was so for long
  std::optional<Clock::time_point> full_since_;
  bool wants_read_ = false;
  bool wants_write_ = true;
};

}  // namespace layergate::proxy
