#include "proxy/tls_tickets.h"

#include <algorithm>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include "auth/secret.h"

namespace layergate::proxy {
namespace {

// Where a context keeps its tickets' owner.
int index_of_tickets() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

bool set_up_mac(EVP_MAC_CTX* mac, TlsTickets::Key& key) {
  char digest[] = "SHA256";
  const std::array<OSSL_PARAM, 3> parameters = {
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key.mac.data(), key.mac.size()),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
      OSSL_PARAM_construct_end()};
  return EVP_MAC_CTX_set_params(mac, parameters.data()) == 1;
}

}  // namespace

TlsTickets::~TlsTickets() {
  for (auto& key : keys_) OPENSSL_cleanse(&key, sizeof key);
}

void TlsTickets::attach(SSL_CTX* context) {
  SSL_CTX_set_ex_data(context, index_of_tickets(), this);
  SSL_CTX_set_tlsext_ticket_key_evp_cb(context, on_ticket);
  SSL_CTX_set_timeout(context, std::chrono::seconds(kPeriod).count());
}

void TlsTickets::drop_old(Clock::time_point now) {
  const auto fresh = std::find_if(keys_.begin(), keys_.end(),
                                  [&](const Key& key) { return now - key.made < 2 * kPeriod; });
  for (auto old = keys_.begin(); old != fresh; ++old) OPENSSL_cleanse(&*old, sizeof *old);
  keys_.erase(keys_.begin(), fresh);
}

std::optional<TlsTickets::Key> TlsTickets::newest(Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  drop_old(now);
  if (keys_.empty() || now - keys_.back().made >= kPeriod) {
    Key key{};
    key.made = now;
    const auto fill = [](auto& bytes) {
      return RAND_priv_bytes(bytes.data(), static_cast<int>(bytes.size())) == 1;
    };
    if (!fill(key.name) || !fill(key.cipher) || !fill(key.mac)) return std::nullopt;
    keys_.reserve(4);  // at most three live at once: a growing vector would leave copies behind
    keys_.push_back(key);
  }
  return keys_.back();
}

std::optional<TlsTickets::Found> TlsTickets::find(std::span<const unsigned char> name,
                                                  Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  drop_old(now);
  const auto found = std::find_if(keys_.begin(), keys_.end(), [&](const Key& key) {
    return std::equal(key.name.begin(), key.name.end(), name.begin(), name.end());
  });
  if (found == keys_.end()) return std::nullopt;
  const bool is_newest = &*found == &keys_.back() && now - found->made < kPeriod;
  return Found{*found, is_newest};
}

// SSL_CTX_set_tlsext_ticket_key_evp_cb(3): 1: done, 2: done and to be renewed, 0: no ticket, -1:
// fail.
int TlsTickets::on_ticket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
                          EVP_MAC_CTX* mac, int sealing) {
  auto& tickets =
      *static_cast<TlsTickets*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), index_of_tickets()));
  const auto* algorithm = EVP_aes_256_cbc();
  const auto now = Clock::now();
  if (sealing == 1) {
    auto key = tickets.newest(now);
    if (!key) return -1;
    const auth::Cleanser cleanser(&*key, sizeof *key);
    std::copy(key->name.begin(), key->name.end(), name);
    const bool fine = RAND_bytes(iv, EVP_CIPHER_get_iv_length(algorithm)) == 1 &&
                      EVP_EncryptInit_ex(cipher, algorithm, nullptr, key->cipher.data(), iv) == 1 &&
                      set_up_mac(mac, *key);
    return fine ? 1 : -1;
  }
  auto found = tickets.find({name, std::tuple_size_v<Name>}, now);
  if (!found) return 0;
  const auth::Cleanser cleanser(&found->key, sizeof found->key);
  const bool fine =
      set_up_mac(mac, found->key) &&
      EVP_DecryptInit_ex(cipher, algorithm, nullptr, found->key.cipher.data(), iv) == 1;
  if (!fine) return -1;
  // With TLS 1.3 a client uses each ticket once, lest two connections be known for the same
  // client's (RFC 8446, C.4), and has to get the next one now.
  return found->is_newest && SSL_version(ssl) < TLS1_3_VERSION ? 1 : 2;
}

}  // namespace layergate::proxy
