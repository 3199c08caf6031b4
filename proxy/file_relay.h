// Sends a part of a file to a socket, without waiting for the disk: by sendfile(2) without a copy,
// and over TLS by one read into memory from which records are sealed.
#pragma once

#include <cstdint>
#include <span>

#include "proxy/buffer.h"
#include "proxy/socket.h"
#include "storage/blob_files.h"

namespace layergate::proxy {

class FileRelay {
 public:
  enum class Status : std::uint8_t {
    moving,       // waits for the socket
    cold,         // the next bytes are not in memory: bring_in() them elsewhere, then warmed()
    done,         // all is written
    changed,      // the file is shorter than it was, or was written to
    file_failed,  // errno
    sink_failed,
  };

  // All must outlive the relay. `pending` goes out before the file's bytes (the head), but not
  // before the first of these are in memory: until then nothing is said that binds. `scratch` is
  // memory that each step may use and that is shared with other relays of the loop.
  FileRelay(const storage::BlobFile& file, std::uint64_t offset, std::uint64_t length, Socket& sink,
            Buffer& pending, std::span<char> scratch)
      : file_(file),
        offset_(offset),
        left_(length),
        sink_(sink),
        pending_(pending),
        scratch_(scratch) {}

  // Moves what can be moved now, at most about kTurn bytes, so that other connections get theirs.
  Status step();

  // Bytes of the file from offset() on that are in memory now.
  void warmed(std::uint64_t count) { warm_ = count; }

  [[nodiscard]] std::uint64_t offset() const { return offset_; }
  [[nodiscard]] std::uint64_t left() const { return left_; }
  [[nodiscard]] std::uint64_t delivered() const { return delivered_; }
  // Whether the sink has got anything, were it a byte of the head.
  [[nodiscard]] bool has_begun() const { return has_begun_; }

 private:
  static constexpr std::size_t kTurn = 1U << 20U;
  static constexpr std::size_t kLook = 2U << 20U;  // at a time, whether it is in memory

  [[nodiscard]] bool is_as_it_was() const;
  [[nodiscard]] std::size_t next(std::size_t most);
  // For TLS, what send_file() is without.
  Socket::Result seal_file(std::size_t count);

  const storage::BlobFile& file_;
  std::uint64_t offset_;
  std::uint64_t left_;
  Socket& sink_;
  Buffer& pending_;
  const std::span<char> scratch_;
  std::uint64_t delivered_ = 0;
  std::uint64_t warm_ = 0;
  bool has_begun_ = false;
};

}  // namespace layergate::proxy
