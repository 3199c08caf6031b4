#include "proxy/upstream_tls.h"

#include <string_view>
#include <utility>

#include <openssl/x509v3.h>

#include "base/address.h"
#include "base/read_file.h"
#include "proxy/tls_context.h"

namespace layergate::proxy {
namespace {

constexpr std::size_t kLargestFile = std::size_t{8} << 20U;  // bytes

int index_of_upstream() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

}  // namespace

tl::expected<std::shared_ptr<UpstreamTls>, Problem> UpstreamTls::load(
    const config::Upstream& upstream) {
  const auto fail = [&](std::string what) {
    return tl::unexpected(
        Problem{"layergate.yml", upstream.ca_line, upstream.ca_column, std::move(what), ""});
  };
  std::shared_ptr<UpstreamTls> made(new UpstreamTls());  // its constructor is private
  made->context_ = make_ssl_context(TLS_client_method());
  auto* context = made->context_.get();
  if (context == nullptr) return fail("OpenSSL cannot be set up: " + take_openssl_error());
  if (upstream.ca.empty()) {
    if (SSL_CTX_set_default_verify_paths(context) != 1) {
      return fail("the system's certificate authorities cannot be loaded: " + take_openssl_error());
    }
  } else {
    const auto name = upstream.ca.string();
    // For the reason in words; OpenSSL opens it again.
    if (const auto text = read_file(upstream.ca, kLargestFile); !text) {
      return fail(name + ' ' + text.error());
    }
    ERR_clear_error();
    if (SSL_CTX_load_verify_file(context, name.c_str()) != 1) {
      return fail(name + " holds no certificate in PEM form (" + take_openssl_error() + ")");
    }
  }
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  constexpr std::string_view kHttp = "\x08http/1.1";
  SSL_CTX_set_alpn_protos(context, reinterpret_cast<const unsigned char*>(kHttp.data()),
                          static_cast<unsigned int>(kHttp.size()));
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
  SSL_CTX_set_ex_data(context, index_of_upstream(), made.get());
  SSL_CTX_sess_set_new_cb(context, on_session);
  made->host_ = upstream.address.host;
  made->is_address_ = IpAddress::parse(made->host_).has_value();
  return made;
}

OpensslPointer<SSL> UpstreamTls::connect() {
  OpensslPointer<SSL> ssl(SSL_new(context_.get()));
  if (!ssl) return nullptr;
  SSL_set_connect_state(ssl.get());
  auto* parameters = SSL_get0_param(ssl.get());
  bool fine = false;
  if (is_address_) {
    fine = X509_VERIFY_PARAM_set1_ip_asc(parameters, host_.c_str()) == 1;
  } else {
    SSL_set_hostflags(ssl.get(), X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    // A server takes no address as a name (RFC 6066, section 3).
    fine = SSL_set1_host(ssl.get(), host_.c_str()) == 1 &&
           SSL_ctrl(ssl.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                    host_.data()) == 1;
  }
  if (!fine) return nullptr;  // unverified is no choice
  const std::lock_guard lock(mutex_);
  if (session_) SSL_set_session(ssl.get(), session_.get());
  return ssl;
}

int UpstreamTls::on_session(SSL* ssl, SSL_SESSION* session) {
  auto& upstream =
      *static_cast<UpstreamTls*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), index_of_upstream()));
  const std::lock_guard lock(upstream.mutex_);
  upstream.session_.reset(session);
  return 1;  // it is ours now
}

}  // namespace layergate::proxy
