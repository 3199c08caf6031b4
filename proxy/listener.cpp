#include "proxy/listener.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <climits>
#include <cstring>
#include <optional>
#include <system_error>
#include <utility>

#include <spdlog/spdlog.h>

#include "proxy/resolver.h"
#include "proxy/worker.h"

namespace layergate::proxy {
namespace {

constexpr int kBacklog = 4096;
constexpr int kAcceptsATurn = 64;

SocketAddress address_of(const config::Endpoint& endpoint) {
  SocketAddress result;
  const auto address = IpAddress::parse(endpoint.host);
  if (address && address->is_v4()) {
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_port = htons(endpoint.port);
    std::memcpy(&in.sin_addr, address->bytes().data() + 12, 4);
    std::memcpy(&result.storage, &in, sizeof in);
    result.length = sizeof in;
  } else if (address) {
    sockaddr_in6 in{};
    in.sin6_family = AF_INET6;
    in.sin6_port = htons(endpoint.port);
    std::memcpy(&in.sin6_addr, address->bytes().data(), 16);
    std::memcpy(&result.storage, &in, sizeof in);
    result.length = sizeof in;
  }
  return result;
}

Fd open_port(const config::Endpoint& endpoint, bool shared) {
  const auto address = address_of(endpoint);
  const auto fail = [&] {
    throw std::system_error(errno, std::generic_category(),
                            "cannot listen on " + endpoint.to_string());
  };
  Fd fd(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) fail();
  const int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (shared) ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  // Those that are accepted inherit these.
  ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  keep_alive(fd.get());
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address.storage), address.length) != 0 ||
      ::listen(fd.get(), kBacklog) != 0) {
    fail();
  }
  return fd;
}

}  // namespace

Fd Listener::bind(const config::Endpoint& endpoint) { return open_port(endpoint, true); }

void Listener::check_free(const config::Endpoint& endpoint) { open_port(endpoint, false); }

Listener::Listener(Worker& worker, Fd fd, const config::Listen& listen)
    : worker_(worker), fd_(std::move(fd)), listen_(listen) {
  event_assign(&event_, worker.base(), fd_.get(), EV_READ | EV_PERSIST, on_ready, this);
  event_add(&event_, nullptr);
}

Listener::~Listener() { event_del(&event_); }

void Listener::on_ready(evutil_socket_t /*fd*/, short /*what*/, void* self) {
  static_cast<Listener*>(self)->accept(kAcceptsATurn);
}

void Listener::resume() { event_add(&event_, nullptr); }

void Listener::accept_all() { accept(INT_MAX); }

void Listener::accept(int most) {
  for (int i = 0; i < most; ++i) {
    sockaddr_storage peer{};
    socklen_t length = sizeof peer;
    Fd fd(::accept4(fd_.get(), reinterpret_cast<sockaddr*>(&peer), &length,
                    SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!fd) {
      if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        spdlog::error(
            "no descriptor or memory for a new client ({}); raise the limit of open files",
            std::generic_category().message(errno));
        event_del(&event_);  // the worker's next tick resumes; a ready socket would spin till then
      }
      return;
    }
    const auto address = IpAddress::from(reinterpret_cast<const sockaddr*>(&peer));
    if (address) worker_.accept(std::move(fd), *address, listen_);
  }
}

}  // namespace layergate::proxy
