#include "proxy/tls_context.h"

#include <algorithm>
#include <utility>

#include "proxy/http.h"
#include "proxy/tls_certificate.h"

namespace layergate::proxy {
namespace {

// AES-128 first: as safe for this use as AES-256, and a fifth cheaper for each layer. A client that
// prefers ChaCha20, because it has no AES in hardware, gets it.
constexpr const char* kSuites =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr const char* kCiphers =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
constexpr const char* kGroups = "X25519:P-256:P-384";

// RFC 7301: none of what the client offers is spoken here, so there is nothing to go on with.
int on_alpn(SSL* /*ssl*/, const unsigned char** chosen, unsigned char* chosen_size,
            const unsigned char* offered, unsigned int offered_size, void* /*unused*/) {
  constexpr std::string_view kOurs = "http/1.1";
  for (unsigned int at = 0; at < offered_size;) {
    const unsigned int size = offered[at];
    const std::string_view name(reinterpret_cast<const char*>(offered + at + 1), size);
    if (name == kOurs) {
      *chosen = offered + at + 1;
      *chosen_size = static_cast<unsigned char>(size);
      return SSL_TLSEXT_ERR_OK;
    }
    at += 1 + size;
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

}  // namespace

OpensslPointer<SSL_CTX> make_ssl_context(const SSL_METHOD* method) {
  OpensslPointer<SSL_CTX> context(SSL_CTX_new(method));
  if (!context) return nullptr;
  auto* it = context.get();
  SSL_CTX_set_min_proto_version(it, TLS1_2_VERSION);
  SSL_CTX_set_options(it, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                              SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  // An idle connection holds no record buffers.
  SSL_CTX_set_mode(it, SSL_MODE_RELEASE_BUFFERS);
  const bool fine = SSL_CTX_set_ciphersuites(it, kSuites) == 1 &&
                    SSL_CTX_set_cipher_list(it, kCiphers) == 1 &&
                    SSL_CTX_set1_groups_list(it, kGroups) == 1;
  return fine ? std::move(context) : nullptr;
}

std::string TlsContext::add(const config::TlsPair& pair, TlsCertificate certificate,
                            TlsTickets& tickets) {
  auto context = make_ssl_context(TLS_server_method());
  if (!context) return "OpenSSL cannot be set up: " + take_openssl_error();
  auto* it = context.get();
  for (const auto& issuer : certificate.chain) {
    if (SSL_CTX_add1_chain_cert(it, issuer.get()) != 1) {
      return pair.certificate.string() +
             " holds a chain that cannot be used: " + take_openssl_error();
    }
  }
  if (SSL_CTX_use_certificate(it, certificate.leaf.get()) != 1 ||
      SSL_CTX_use_PrivateKey(it, certificate.key.get()) != 1) {
    return pair.certificate.string() + " cannot be used: " + take_openssl_error();
  }
  // Sessions are in the clients' tickets, sealed: nothing is kept here for each of them.
  SSL_CTX_set_session_cache_mode(it, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(it, 1);
  constexpr std::string_view kId = "layergate";
  SSL_CTX_set_session_id_context(it, reinterpret_cast<const unsigned char*>(kId.data()),
                                 static_cast<unsigned int>(kId.size()));
  tickets.attach(it);
  SSL_CTX_set_alpn_select_cb(it, on_alpn, nullptr);
  // What the macro of that name does, without its old-style cast.
  SSL_CTX_callback_ctrl(it, SSL_CTRL_SET_TLSEXT_SERVERNAME_CB,
                        reinterpret_cast<void (*)()>(on_server_name));
  SSL_CTX_set_tlsext_servername_arg(it, this);
  contexts_.push_back(std::move(context));
  certificates_.push_back(
      {pair.certificate.string(), std::move(certificate.names), certificate.expires});
  return "";
}

TlsContext::Loaded TlsContext::load(const std::vector<config::TlsPair>& pairs, TlsTickets& tickets,
                                    WallTime now) {
  Loaded loaded;
  std::shared_ptr<TlsContext> made(new TlsContext());  // its constructor is private
  for (const auto& pair : pairs) {
    auto certificate = TlsCertificate::load(pair, now, loaded.warnings);
    if (!certificate) {
      loaded.errors.push_back(std::move(certificate.error()));
      continue;
    }
    if (pairs.size() > 1 && certificate->names.empty() && &pair != &pairs.front()) {
      loaded.warnings.push_back(
          {"layergate.yml", pair.line, pair.column,
           pair.certificate.string() + " names no host, so that no client can ask for it", ""});
    }
    if (auto problem = made->add(pair, *std::move(certificate), tickets); !problem.empty()) {
      loaded.errors.push_back({"layergate.yml", pair.line, pair.column, std::move(problem), ""});
    }
  }
  if (loaded.errors.empty()) loaded.context = std::move(made);
  return loaded;
}

OpensslPointer<SSL> TlsContext::accept() const {
  OpensslPointer<SSL> ssl(SSL_new(contexts_.front().get()));
  if (ssl) SSL_set_accept_state(ssl.get());
  return ssl;
}

int TlsContext::on_server_name(SSL* ssl, int* /*alert*/, void* self) {
  const auto& context = *static_cast<const TlsContext*>(self);
  const char* asked = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  if (asked == nullptr || context.contexts_.size() == 1) return SSL_TLSEXT_ERR_OK;
  const auto host = lower_case(asked);
  for (std::size_t i = 0; i < context.contexts_.size(); ++i) {
    const auto& names = context.certificates_[i].names;
    const bool covers = std::any_of(names.begin(), names.end(), [&](const std::string& name) {
      return name_covers(name, host);
    });
    if (!covers) continue;
    SSL_set_SSL_CTX(ssl, context.contexts_[i].get());
    break;
  }
  return SSL_TLSEXT_ERR_OK;
}

}  // namespace layergate::proxy
