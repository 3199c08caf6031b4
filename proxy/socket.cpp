#include "proxy/socket.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <utility>

namespace layergate::proxy {
namespace {

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

Socket::~Socket() { want(false, false); }

void Socket::want(bool read, bool write) {
  if (read != wants_read_) {
    wants_read_ = read;
    read ? event_add(&read_event_, nullptr) : event_del(&read_event_);
  }
  if (write != wants_write_) {
    wants_write_ = write;
    write ? event_add(&write_event_, nullptr) : event_del(&write_event_);
  }
}

void Socket::set_low_water(int bytes) {
  if (bytes == low_water_) return;
  low_water_ = bytes;
  // Where it is refused, readiness comes earlier: slower, not wrong.
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof bytes);
}

Socket::Result Socket::receive(char* data, std::size_t size) {
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
  return result_of(
      ::send(fd_.get(), data.data(), data.size(), MSG_NOSIGNAL | (more ? MSG_MORE : 0)));
}

Socket::Result Socket::send_file(int file, std::uint64_t offset, std::size_t count) {
  auto at = static_cast<off_t>(offset);
  return result_of(::sendfile(fd_.get(), file, &at, count));
}

void Socket::shutdown_write() { ::shutdown(fd_.get(), SHUT_WR); }

void Socket::reset_on_close() {
  const linger at_once{1, 0};
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

void Socket::dispatch(evutil_socket_t /*fd*/, short what, void* self) {
  auto& socket = *static_cast<Socket*>(self);
  if (socket.handler_ == nullptr) return;
  if ((what & EV_READ) != 0) {
    socket.handler_->on_readable(socket);
  } else {
    socket.handler_->on_writable(socket);
  }
}

}  // namespace layergate::proxy
