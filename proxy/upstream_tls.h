// How the proxy speaks TLS to the registry: whom it trusts to be it, and the session to resume.
//
// Thread safety: all members may be called from any thread.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include <tl/expected.hpp>

#include "base/problem.h"
#include "config/config.h"
#include "proxy/openssl.h"

namespace layergate::proxy {

class UpstreamTls {
 public:
  // REQUIRES: upstream.tls. The error stands at upstream.ca.
  static tl::expected<std::shared_ptr<UpstreamTls>, Problem> load(const config::Upstream& upstream);

  // The client's side of a new connection: the registry's certificate has to be of a trusted
  // authority and of the host (a name or an IP address) that upstream.url names, or the handshake
  // fails. nullptr: OpenSSL has no memory.
  OpensslPointer<SSL> connect();

 private:
  UpstreamTls() = default;
  static int on_session(SSL* ssl, SSL_SESSION* session);

  OpensslPointer<SSL_CTX> context_;
  std::string host_;
  bool is_address_ = false;
  std::mutex mutex_;
  OpensslPointer<SSL_SESSION> session_;  // the last that the registry gave; guarded by mutex_
};

}  // namespace layergate::proxy
