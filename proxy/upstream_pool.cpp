#include "proxy/upstream_pool.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

namespace layergate::proxy {
namespace {

constexpr std::size_t kMostIdle = 64;
constexpr std::chrono::seconds kIdleTime{60};

// Whether the other side has neither closed the connection nor sent anything unasked.
bool is_quiet(const Socket& socket) {
  if (const auto* tls = socket.tls(); tls != nullptr && (tls->buffered() || tls->has_failed())) {
    return false;
  }
  char byte = 0;
  const auto bytes = ::recv(socket.fd(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return bytes < 0 && (errno == EAGAIN || errno == EINTR);
}

}  // namespace

std::unique_ptr<UpstreamConnection> UpstreamPool::connect(event_base* base,
                                                          const SocketAddress& address,
                                                          Socket::Handler* handler) {
  Fd fd(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return nullptr;
  if (address.storage.ss_family != AF_UNIX) {
    const int on = 1;
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    // A registry at work on a finished body has no time limit; one that is gone must still show.
    keep_alive(fd.get());
  }
  const int result =
      ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address.storage), address.length);
  if (result != 0 && errno != EINPROGRESS) return nullptr;
  return std::make_unique<UpstreamConnection>(base, std::move(fd), handler);
}

std::unique_ptr<UpstreamConnection> UpstreamPool::take(bool may_reuse, Socket::Handler* handler) {
  const auto now = std::chrono::steady_clock::now();
  while (may_reuse && !idle_.empty()) {
    auto idle = std::move(idle_.back());
    idle_.pop_back();
    if (now - idle.since > kIdleTime) {
      idle_.clear();  // all others are older
      break;
    }
    if (!is_quiet(idle.connection->socket)) continue;
    idle.connection->socket.set_handler(handler);
    idle.connection->reused = true;
    return std::move(idle.connection);
  }
  const auto addresses = resolver_.upstream();
  for (std::size_t i = 0; i < addresses->size(); ++i) {
    const auto number = next_address_ % addresses->size();
    if (auto connection = connect(base_, (*addresses)[number], handler)) {
      connection->address = number;
      if (const auto tls = tls_.upstream()) {
        auto& socket = connection->socket;
        socket.start_tls(
            std::make_unique<TlsSession>(tls->connect(), tls, socket.fd(), blocks_, nullptr));
      }
      return connection;
    }
    ++next_address_;
  }
  return nullptr;
}

void UpstreamPool::avoid(const UpstreamConnection& connection) {
  // Others may have found out before.
  const auto count = address_count();
  if (count > 0 && next_address_ % count == connection.address) ++next_address_;
}

void UpstreamPool::give_back(std::unique_ptr<UpstreamConnection> connection) {
  if (!connection->in.empty() || !connection->out.empty()) return;
  if (idle_.size() >= kMostIdle) return;
  connection->socket.want(false, false);
  connection->socket.set_handler(nullptr);
  connection->in.release();
  connection->out.release();
  idle_.push_back({std::move(connection), std::chrono::steady_clock::now()});
}

}  // namespace layergate::proxy
