// A connected, non-blocking socket on an event loop; with TLS on it, if it was told to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "base/fd.h"
#include "proxy/buffer.h"
#include "proxy/io.h"
#include "proxy/tls_session.h"

namespace layergate::proxy {

// A peer that vanished without a word shows after about two minutes.
void keep_alive(int fd);

class Socket {
 public:
  class Handler {
   public:
    virtual ~Handler() = default;
    virtual void on_readable(Socket& socket) = 0;
    virtual void on_writable(Socket& socket) = 0;
  };

  using Io = proxy::Io;
  using Result = IoResult;

  // `handler` must outlive the socket, or be replaced before it goes; it may be null while nothing
  // is wanted.
  Socket(event_base* base, Fd fd, Handler* handler);
  ~Socket();
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  void set_handler(Handler* handler) { handler_ = handler; }

  // From here on the bytes of receive() and send() are those inside of TLS. The handshake goes on
  // by itself; until it is over nothing is reported but its failure.
  void start_tls(std::unique_ptr<TlsSession> session);
  // What is received and sent from now on is plain again.
  void drop_tls();
  // nullptr: there is none.
  [[nodiscard]] const TlsSession* tls() const { return tls_ ? tls_->session.get() : nullptr; }
  // What the kernel has of this socket is what the peer means: splice and sendfile may work on
  // fd(). The place for kTLS: a session whose records the kernel seals would be one of these for
  // what it sends (docs/decisions/0009-tls.md).
  [[nodiscard]] bool is_plain() const { return !tls_; }

  // Which of the two is reported; level-triggered. The kernel hears of "neither" only when it has
  // something to report all the same: most requests are answered before anything else comes.
  void want(bool read, bool write);
  // SO_RCVLOWAT: readiness is reported from so many bytes on (or at the end). Fewer wake-ups, and
  // wake-ups are what a relay's time goes to.
  void set_low_water(int bytes);
  // For a body of which `left` bytes are still to come: `most` of them, but never more than there
  // will be, or the last bytes would wait for ever; 1 where less than `worth` is to come.
  void set_low_water_for(std::uint64_t left, std::uint64_t most, std::uint64_t worth);

  // TCP_NOTSENT_LOWAT: of what is sent, no more than kMostUnsent waits in the kernel before it is
  // on its way. Else that is up to tcp_wmem, 4 MiB, and some hundred slow clients bring all TCP of
  // the machine to its limit (tcp_mem); but it takes more wake-ups.
  static constexpr int kMostUnsent = 128 << 10;  // bytes
  void limit_unsent(bool is_limited);
  // Bytes that the kernel has and the peer has not acknowledged (SIOCOUTQ).
  [[nodiscard]] std::uint64_t unacknowledged() const;

  Result receive(char* data, std::size_t size);
  // Appends up to `most` bytes.
  Result receive(Buffer& buffer, std::size_t most);
  // `more`: further bytes follow at once (MSG_MORE). again: to be called again with the same bytes,
  // and further ones behind them if there are.
  Result send(std::string_view data, bool more = false);
  // From a file, without a copy (sendfile). Io::closed: the file has no byte there. Io::failed:
  // errno tells whether the socket (EPIPE, ECONNRESET, …) or the file did. REQUIRES: is_plain().
  Result send_file(int file, std::uint64_t offset, std::size_t count);

  // For a relay into TLS, which has no use for its bytes once they are sealed: takes what there is
  // room for (all of it up to 128 KiB, if nothing is unsent) and leaves it to flush(). REQUIRES:
  // !is_plain(), and no send() that waits.
  std::size_t put(std::string_view data) { return tls_->session->put(data); }
  Io flush();
  // Bytes that put() has taken and the kernel has not.
  [[nodiscard]] std::size_t unsent() const { return tls_ ? tls_->session->unsent() : 0; }

  void shutdown_write();
  void reset_on_close();
  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  struct Tls {
    std::unique_ptr<TlsSession> session;
    event more_event{};  // to report what is buffered, of which the kernel does not know
    bool more_is_due = false;
    std::size_t promised = 0;  // bytes that send() has sealed and not yet counted
    bool shut_down = false;    // once all is sent
  };

  static void dispatch(evutil_socket_t fd, short what, void* self);
  static void on_more(evutil_socket_t fd, short what, void* self);
  void on_tls_event(short what);
  void watch();
  void watch_read(bool on);
  void report_buffered();

  Fd fd_;
  Handler* handler_;
  event read_event_{};
  event write_event_{};
  std::unique_ptr<Tls> tls_;
  bool wants_read_ = false;
  bool wants_write_ = false;
  bool watches_read_ = false;
  bool watches_write_ = false;
  bool is_reset_ = false;
  bool limits_unsent_ = false;
  int low_water_ = 1;
};

}  // namespace layergate::proxy
