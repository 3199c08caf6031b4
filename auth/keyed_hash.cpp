#include "auth/keyed_hash.h"

#include <memory>
#include <stdexcept>

#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

namespace layergate::auth {
namespace {

struct Key {
  Key() {
    if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) {
      throw std::runtime_error("OpenSSL has no random bytes");
    }
  }
  std::array<unsigned char, 32> bytes{};
};

const Key& process_key() {
  static const Key key;
  return key;
}

struct Free {
  void operator()(EVP_MAC* mac) const { EVP_MAC_free(mac); }
  void operator()(EVP_MAC_CTX* context) const { EVP_MAC_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_MAC_CTX, Free>;

// Ready with the key, so that each use saves the fetch and the key's schedule.
Context make_context() {
  const std::unique_ptr<EVP_MAC, Free> mac(EVP_MAC_fetch(nullptr, "HMAC", nullptr));
  Context context(mac ? EVP_MAC_CTX_new(mac.get()) : nullptr);
  char digest[] = "SHA256";
  const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string("digest", digest, 0),
                               OSSL_PARAM_construct_end()};
  const auto& key = process_key().bytes;
  if (!context || EVP_MAC_init(context.get(), key.data(), key.size(), params) != 1) {
    throw std::runtime_error("OpenSSL has no HMAC-SHA256");
  }
  return context;
}

}  // namespace

KeyedHash keyed_hash(Purpose purpose, std::initializer_list<std::string_view> parts) {
  thread_local const Context context = make_context();

  std::array<unsigned char, 1 + 4 * sizeof(std::uint64_t)> head{};
  if (parts.size() > 4) throw std::invalid_argument("keyed_hash: more than four parts");
  head[0] = static_cast<unsigned char>(purpose);
  std::size_t at = 1;
  for (const auto part : parts) {
    const std::uint64_t size = part.size();
    std::memcpy(head.data() + at, &size, sizeof size);
    at += sizeof size;
  }

  auto* mac = context.get();
  bool ok = EVP_MAC_init(mac, nullptr, 0, nullptr) == 1 &&
            EVP_MAC_update(mac, head.data(), head.size()) == 1;
  for (const auto part : parts) {
    ok = ok &&
         EVP_MAC_update(mac, reinterpret_cast<const unsigned char*>(part.data()), part.size()) == 1;
  }
  KeyedHash hash{};
  std::size_t size = 0;
  ok = ok && EVP_MAC_final(mac, hash.data(), &size, hash.size()) == 1 && size == hash.size();
  if (!ok) throw std::runtime_error("OpenSSL's HMAC-SHA256 failed");
  return hash;
}

}  // namespace layergate::auth
