#include "proxy/socket.h"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace layergate::proxy {
namespace {

constexpr std::uint64_t kPartOfRecord = 32U << 10U;

Socket::Result result_of(ssize_t bytes) {
  if (bytes > 0) return {Socket::Io::ok, static_cast<std::size_t>(bytes)};
  if (bytes == 0) return {Socket::Io::closed, 0};
  if (errno == EAGAIN || errno == EINTR) return {Socket::Io::again, 0};
  return {Socket::Io::failed, 0};
}

}  // namespace

void keep_alive(int fd) {
  const auto set = [&](int level, int name, int value) {
    ::setsockopt(fd, level, name, &value, sizeof value);
  };
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, 60);   // seconds of silence
  set(IPPROTO_TCP, TCP_KEEPINTVL, 10);  // seconds between probes
  set(IPPROTO_TCP, TCP_KEEPCNT, 6);
}

Socket::Socket(event_base* base, Fd fd, Handler* handler) : fd_(std::move(fd)), handler_(handler) {
  event_assign(&read_event_, base, fd_.get(), EV_READ | EV_PERSIST, dispatch, this);
  event_assign(&write_event_, base, fd_.get(), EV_WRITE | EV_PERSIST, dispatch, this);
}

Socket::~Socket() {
  if (tls_) {
    if (!is_reset_) {
      tls_->session->end_writing();
      tls_->session->flush();
    }
    drop_tls();
  }
  want(false, false);
  watch_read(false);
}

void Socket::start_tls(std::unique_ptr<TlsSession> session) {
  tls_ = std::make_unique<Tls>();
  tls_->session = std::move(session);
  event_assign(&tls_->more_event, event_get_base(&read_event_), -1, 0, on_more, this);
  tls_->session->handshake();
  watch();
  report_buffered();
}

void Socket::drop_tls() {
  event_del(&tls_->more_event);
  tls_.reset();
  watch();
}

void Socket::want(bool read, bool write) {
  wants_read_ = read;
  wants_write_ = write;
  watch();
  report_buffered();
}

// Inside of a handshake the library says what is waited for.
void Socket::watch() {
  const bool handshaking = tls_ && tls_->session->is_handshaking();
  const bool read = wants_read_ || handshaking;
  const bool write =
      (wants_write_ && !handshaking) || (unsent() > 0 && !tls_->session->has_failed());
  if (read || write) watch_read(read);
  if (write != watches_write_) {
    watches_write_ = write;
    write ? event_add(&write_event_, nullptr) : event_del(&write_event_);
  }
}

void Socket::watch_read(bool on) {
  if (on == watches_read_) return;
  watches_read_ = on;
  on ? event_add(&read_event_, nullptr) : event_del(&read_event_);
}

// By a timer that is due, so that other connections have their turn before.
void Socket::report_buffered() {
  if (!tls_ || !wants_read_ || tls_->more_is_due) return;
  if (!tls_->session->buffered() && !tls_->session->has_failed()) return;
  const timeval at_once{0, 0};
  event_add(&tls_->more_event, &at_once);
  tls_->more_is_due = true;
}

void Socket::set_low_water(int bytes) {
  if (bytes == low_water_) return;
  low_water_ = bytes;
  // Where it is refused, readiness comes earlier: slower, not wrong.
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof bytes);
}

void Socket::set_low_water_for(std::uint64_t left, std::uint64_t most, std::uint64_t worth) {
  // Of TLS a part of a record may be here already.
  const auto here = is_plain() ? 0 : kPartOfRecord;
  set_low_water(left < worth + here ? 1 : static_cast<int>(std::min(left - here, most)));
}

void Socket::limit_unsent(bool is_limited) {
  if (is_limited == limits_unsent_) return;
  limits_unsent_ = is_limited;
  const int most = is_limited ? kMostUnsent : 0;  // 0: as the system has it
  ::setsockopt(fd_.get(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &most, sizeof most);
}

std::uint64_t Socket::unacknowledged() const {
  int bytes = 0;
  return ::ioctl(fd_.get(), SIOCOUTQ, &bytes) == 0 ? static_cast<std::uint64_t>(bytes) : 0;
}

Socket::Result Socket::receive(char* data, std::size_t size) {
  if (tls_) {
    const auto result = tls_->session->receive(data, size);
    watch();
    report_buffered();
    return result;
  }
  return result_of(::recv(fd_.get(), data, size, 0));
}

Socket::Result Socket::receive(Buffer& buffer, std::size_t most) {
  // Not initialised: recv fills what is used.
  std::array<char, 16 * 1024> chunk;
  const auto result = receive(chunk.data(), most < chunk.size() ? most : chunk.size());
  if (result.io == Io::ok) buffer.append({chunk.data(), result.bytes});
  return result;
}

Socket::Result Socket::send(std::string_view data, bool more) {
  if (!tls_) {
    return result_of(
        ::send(fd_.get(), data.data(), data.size(), MSG_NOSIGNAL | (more ? MSG_MORE : 0)));
  }
  // Sealed once, however often it takes to send it; counted when the kernel has it, so that who
  // has sent all is done.
  auto& promised = tls_->promised;
  if (promised == 0) promised = tls_->session->put(data);
  const auto io = flush();
  if (io != Io::ok) return {io, 0};
  if (promised == 0) return {Io::again, 0};
  return {Io::ok, std::exchange(promised, 0)};
}

Socket::Result Socket::send_file(int file, std::uint64_t offset, std::size_t count) {
  // The file's bytes would go out beside the records, for everybody to read.
  if (!is_plain()) {
    errno = EPROTO;
    return {Io::failed, 0};
  }
  auto at = static_cast<off_t>(offset);
  return result_of(::sendfile(fd_.get(), file, &at, count));
}

Io Socket::flush() {
  if (!tls_) return Io::ok;
  const auto io = tls_->session->flush();
  watch();
  return io;
}

void Socket::shutdown_write() {
  if (tls_) {
    tls_->session->end_writing();
    if (flush() == Io::again) {
      tls_->shut_down = true;
      return;
    }
  }
  ::shutdown(fd_.get(), SHUT_WR);
}

void Socket::reset_on_close() {
  is_reset_ = true;
  const linger at_once{1, 0};
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

void Socket::on_tls_event(short what) {
  auto& session = *tls_->session;
  if (session.is_handshaking()) {
    session.handshake();
    watch();
    report_buffered();
    if (!session.has_failed()) return;  // what is wanted is reported from now on
  }
  const bool is_write = (what & EV_WRITE) != 0;
  if (is_write && !wants_write_ && !session.has_failed()) {
    // A last word that did not fit; nobody but this socket knows of it.
    if (flush() == Io::ok && std::exchange(tls_->shut_down, false)) {
      ::shutdown(fd_.get(), SHUT_WR);
    }
    return;
  }
  if (!wants_read_ && !wants_write_) return watch_read(false);
  if (wants_read_ && (!is_write || !wants_write_)) {
    handler_->on_readable(*this);
  } else {
    handler_->on_writable(*this);
  }
}

void Socket::on_more(evutil_socket_t /*fd*/, short /*what*/, void* self) {
  auto& socket = *static_cast<Socket*>(self);
  socket.tls_->more_is_due = false;
  const auto& session = *socket.tls_->session;
  if (!socket.wants_read_ || socket.handler_ == nullptr) return;
  if (!session.buffered() && !session.has_failed()) return;  // was read meanwhile
  // Who does not read all of it is told again, as of what the kernel has.
  if (!session.has_failed()) socket.report_buffered();
  socket.handler_->on_readable(socket);
}

void Socket::dispatch(evutil_socket_t /*fd*/, short what, void* self) {
  auto& socket = *static_cast<Socket*>(self);
  if (socket.tls_) return socket.on_tls_event(what);
  if ((what & EV_READ) != 0) {
    if (!socket.wants_read_) return socket.watch_read(false);
    socket.handler_->on_readable(socket);
  } else {
    socket.handler_->on_writable(socket);
  }
}

}  // namespace layergate::proxy
