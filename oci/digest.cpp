#include "oci/digest.h"

#include <vector>

#include <openssl/evp.h>

#include "base/hex.h"

namespace layergate::oci {
namespace {

std::string hash(const EVP_MD* algorithm, std::string_view data) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
  unsigned length = 0;
  EVP_Digest(data.data(), data.size(), out.data(), &length, algorithm, nullptr);
  std::string text;
  append_hex(text, {out.data(), length});
  return text;
}

DigestKey from_hex(std::string_view hex) {
  DigestKey key;
  for (std::size_t i = 0; i < key.bytes.size(); ++i) {
    key.bytes[i] = byte_of_hex(hex[2 * i], hex[2 * i + 1]);
  }
  return key;
}

}  // namespace

DigestKey key_of(std::string_view digest) {
  if (is_sha256(digest)) return from_hex(digest.substr(7));
  // Turned over, so that nobody can make content with this sha256: the text itself would be such.
  auto key = from_hex(hash(EVP_sha256(), digest));
  for (auto& byte : key.bytes) byte = static_cast<std::uint8_t>(~byte);
  return key;
}

std::string sha256_text(const DigestKey& key) {
  std::string text = "sha256:";
  append_hex(text, key.bytes);
  return text;
}

std::string pack(std::string_view digest) {
  digest.remove_prefix(digest.find(':') + 1);
  std::string bytes;
  bytes.reserve(digest.size() / 2);
  for (std::size_t i = 0; i + 1 < digest.size(); i += 2) {
    bytes += static_cast<char>(byte_of_hex(digest[i], digest[i + 1]));
  }
  return bytes;
}

std::string unpack(std::string_view bytes) {
  std::string text = bytes.size() == 32 ? "sha256:" : "sha512:";
  text.reserve(text.size() + 2 * bytes.size());
  append_hex(text, {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
  return text;
}

Digest Digest::from_packed(std::string_view bytes) {
  DigestKey key;
  if (bytes.size() != key.bytes.size()) return Digest(unpack(bytes));
  std::memcpy(key.bytes.data(), bytes.data(), bytes.size());
  return Digest(key);
}

std::string sha256_of(std::string_view data) { return "sha256:" + hash(EVP_sha256(), data); }

bool is_digest_of(std::string_view digest, std::string_view data) {
  const auto colon = digest.find(':');
  const auto* algorithm = is_sha256(digest) ? EVP_sha256() : EVP_sha512();
  return digest.substr(colon + 1) == hash(algorithm, data);
}

}  // namespace layergate::oci
