// One side of a TLS connection on a non-blocking socket that another owns.
//
// Records are gathered in blocks, so that the kernel is called once for many of them: received
// ciphertext waits in one block until the library has opened it, and what the library seals waits
// in another until flush() has given it to the kernel. Neither waits in the library, so that
// buffered() and unsent() know all there is to know about readiness.
//
// Thread safety: belongs to one worker.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "proxy/io.h"
#include "proxy/metrics.h"
#include "proxy/openssl.h"
#include "proxy/tls_block.h"

namespace layergate::proxy {

class TlsSession {
 public:
  // `ssl` is set to accept or to connect, and `keep` is what it refers to. `fd` and `blocks` must
  // outlive the session, as must `counters`, which may be nullptr. `early` holds bytes of the peer
  // that were received before.
  TlsSession(OpensslPointer<SSL> ssl, std::shared_ptr<const void> keep, int fd,
             TlsBlockPool& blocks, HandshakeCounters* counters, std::string early = "");
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  // Goes on with the handshake. ok: it is over; again: wait until the socket can be read, or
  // written if there is something unsent().
  Io handshake();
  [[nodiscard]] bool is_handshaking() const { return state_ == State::handshaking; }
  [[nodiscard]] bool has_failed() const { return state_ == State::failed; }

  // Plain text of all records that are here or in the socket, up to `size`. closed: by a
  // close_notify; an end without one has failed.
  IoResult receive(char* data, std::size_t size);
  // Whether receive() has something without asking the socket: no event would tell of it.
  [[nodiscard]] bool buffered() const;

  // Seals as much of `data` as there is room for and returns how much that was: all of it up to
  // 128 KiB, if nothing is unsent(). 0 while the handshake goes on, or if the connection failed.
  std::size_t put(std::string_view data);
  // Gives to the socket what it takes. ok: all of it.
  Io flush();
  [[nodiscard]] std::size_t unsent() const { return out_ ? out_->size() : 0; }  // ciphertext, bytes
  // Seals the announcement that nothing more will come from this side.
  void end_writing();

  // In the middle of a handshake.
  [[nodiscard]] bool is_midway() const { return state_ == State::handshaking && peer_spoke_; }
  // A peer that had something to say did not come to an end with it.
  [[nodiscard]] bool has_failed_handshake() const {
    return state_ == State::failed && !was_open_ && peer_spoke_;
  }
  // Why it failed, for people.
  [[nodiscard]] const std::string& problem() const { return problem_; }
  // The client took the port for one without TLS.
  [[nodiscard]] bool was_spoken_to_in_plain() const { return plain_http_; }

 private:
  enum class State : std::uint8_t { handshaking, open, failed };
  enum class Handshake : std::uint8_t { full, resumed, failed };

  static const BIO_METHOD* bio_method();
  static int bio_write(BIO* bio, const char* data, std::size_t size, std::size_t* written);
  static int bio_read(BIO* bio, char* data, std::size_t size, std::size_t* read);
  static long bio_control(BIO* bio, int command, long number, void* pointer);
  bool fill();  // in_ from the socket
  void fit();   // out_ to what is in it

  // Of a call that did not succeed: again, closed or failed.
  Io outcome_of(int result);
  void fail(std::string problem);
  void count(Handshake kind);

  const std::shared_ptr<const void> keep_;
  OpensslPointer<SSL> ssl_;
  const int fd_;
  TlsBlockPool& blocks_;
  HandshakeCounters* const counters_;
  std::unique_ptr<TlsBlock> in_;   // ciphertext received; none if empty
  std::unique_ptr<TlsBlock> out_;  // ciphertext to send; none if empty
  std::string early_;
  State state_ = State::handshaking;
  bool was_open_ = false;
  bool peer_spoke_ = false;
  bool at_end_ = false;  // of what the socket brings
  bool ended_writing_ = false;
  bool plain_http_ = false;
  std::string problem_;
};

}  // namespace layergate::proxy
