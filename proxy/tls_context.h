// What one listening port presents to clients: its certificates and the rules of its handshakes.
//
// Immutable: another set of certificates is another context. A connection keeps the one that it
// began with.
//
// Thread safety: all members may be called from any thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/problem.h"
#include "config/config.h"
#include "proxy/openssl.h"
#include "proxy/tls_tickets.h"

namespace layergate::proxy {

// TLS 1.2 and 1.3, AEAD ciphers with forward secrecy only, HTTP/1.1; for either side. nullptr if
// OpenSSL has no memory.
OpensslPointer<SSL_CTX> make_ssl_context(const SSL_METHOD* method);

class TlsContext {
 public:
  struct Certificate {
    std::string file;
    std::vector<std::string> names;
    WallTime expires;
  };
  struct Loaded {
    std::shared_ptr<const TlsContext> context;  // nullptr exactly if there are errors
    std::vector<Problem> errors;
    std::vector<Problem> warnings;
  };

  // The first pair is the default; SNI picks the first one that has the name. `tickets` must
  // outlive the context and its connections.
  static Loaded load(const std::vector<config::TlsPair>& pairs, TlsTickets& tickets, WallTime now);

  // The server's side of a new connection.
  [[nodiscard]] OpensslPointer<SSL> accept() const;
  [[nodiscard]] const std::vector<Certificate>& certificates() const { return certificates_; }

 private:
  TlsContext() = default;
  std::string add(const config::TlsPair& pair, struct TlsCertificate certificate,
                  TlsTickets& tickets);
  static int on_server_name(SSL* ssl, int* alert, void* self);

  std::vector<Certificate> certificates_;          // in the configuration's order
  std::vector<OpensslPointer<SSL_CTX>> contexts_;  // of each
};

}  // namespace layergate::proxy
