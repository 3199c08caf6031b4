// A connected, non-blocking socket on an event loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "base/fd.h"
#include "proxy/buffer.h"

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

  enum class Io : std::uint8_t { ok, again, closed, failed };
  struct Result {
    Io io;
    std::size_t bytes;
  };

  // `handler` must outlive the socket, or be replaced before it goes; it may be null while nothing
  // is wanted.
  Socket(event_base* base, Fd fd, Handler* handler);
  ~Socket();
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  void set_handler(Handler* handler) { handler_ = handler; }
  // Which of the two is reported; level-triggered.
  void want(bool read, bool write);
  // SO_RCVLOWAT: readiness is reported from so many bytes on (or at the end). Fewer wake-ups, and
  // wake-ups are what a relay's time goes to.
  void set_low_water(int bytes);

  Result receive(char* data, std::size_t size);
  // Appends up to `most` bytes.
  Result receive(Buffer& buffer, std::size_t most);
  // `more`: further bytes follow at once (MSG_MORE).
  Result send(std::string_view data, bool more = false);
  // From a file, without a copy (sendfile). Io::closed: the file has no byte there. Io::failed:
  // errno tells whether the socket (EPIPE, ECONNRESET, …) or the file did.
  Result send_file(int file, std::uint64_t offset, std::size_t count);

  void shutdown_write();
  void reset_on_close();
  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  static void dispatch(evutil_socket_t fd, short what, void* self);

  Fd fd_;
  Handler* handler_;
  event read_event_{};
  event write_event_{};
  bool wants_read_ = false;
  bool wants_write_ = false;
  int low_water_ = 1;
};

}  // namespace layergate::proxy
