// A worker's connections to the registry.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <vector>

#include "proxy/buffer.h"
#include "proxy/resolver.h"
#include "proxy/socket.h"
#include "proxy/tls_store.h"

namespace layergate::proxy {

struct UpstreamConnection {
  UpstreamConnection(event_base* base, Fd fd, Socket::Handler* handler)
      : socket(base, std::move(fd), handler) {}

  Socket socket;
  Buffer in;                // received and not yet used
  Buffer out;               // to be sent
  std::size_t address = 0;  // which of the registry's
  bool reused = false;
};

// Thread safety: belongs to one worker.
class UpstreamPool {
 public:
  UpstreamPool(event_base* base, Resolver& resolver, const TlsStore& tls, TlsBlockPool& blocks)
      : base_(base), resolver_(resolver), tls_(tls), blocks_(blocks) {}

  // A kept connection, if `may_reuse`, else a new one, which may still be connecting: what goes
  // wrong then shows at the first send. nullptr: there is nowhere to connect to.
  //
  // Only requests that may be repeated should reuse: the registry may close a kept connection just
  // as the next request goes out, and whether it was carried out is not to be known then.
  std::unique_ptr<UpstreamConnection> take(bool may_reuse, Socket::Handler* handler);
  // Over `connection` nothing could be sent: the next new one goes to another address, if there is
  // one (a host's name often stands for an IPv6 and an IPv4 address, and the registry listens on
  // one of them).
  void avoid(const UpstreamConnection& connection);
  [[nodiscard]] std::size_t address_count() const { return resolver_.upstream()->size(); }
  // A connection whose answer was read to its end, and that stays open.
  void give_back(std::unique_ptr<UpstreamConnection> connection);

  // Without TLS: storage that a redirect leads to.
  static std::unique_ptr<UpstreamConnection> connect(event_base* base, const SocketAddress& address,
                                                     Socket::Handler* handler);

 private:
  struct Idle {
    std::unique_ptr<UpstreamConnection> connection;
    std::chrono::steady_clock::time_point since;
  };

  event_base* base_;
  Resolver& resolver_;
  const TlsStore& tls_;
  TlsBlockPool& blocks_;
  std::vector<Idle> idle_;
  std::size_t next_address_ = 0;
};

}  // namespace layergate::proxy
