#include "oci/digest.h"

#include <vector>

#include <openssl/evp.h>

namespace layergate::oci {
namespace {

std::uint8_t nibble(char c) { return static_cast<std::uint8_t>(c <= '9' ? c - '0' : c - 'a' + 10); }

std::string to_hex(const std::uint8_t* bytes, std::size_t count) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string text;
  text.reserve(2 * count);
  for (std::size_t i = 0; i < count; ++i) {
    text += kHex[bytes[i] >> 4U];
    text += kHex[bytes[i] & 15U];
  }
  return text;
}

std::string hash(const EVP_MD* algorithm, std::string_view data) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
  unsigned length = 0;
  EVP_Digest(data.data(), data.size(), out.data(), &length, algorithm, nullptr);
  return to_hex(out.data(), length);
}

DigestKey from_hex(std::string_view hex) {
  DigestKey key;
  for (std::size_t i = 0; i < key.bytes.size(); ++i) {
    key.bytes[i] = static_cast<std::uint8_t>(nibble(hex[2 * i]) << 4U | nibble(hex[2 * i + 1]));
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
  return "sha256:" + to_hex(key.bytes.data(), key.bytes.size());
}

std::string sha256_of(std::string_view data) { return "sha256:" + hash(EVP_sha256(), data); }

bool is_digest_of(std::string_view digest, std::string_view data) {
  const auto colon = digest.find(':');
  const auto* algorithm = is_sha256(digest) ? EVP_sha256() : EVP_sha512();
  return digest.substr(colon + 1) == hash(algorithm, data);
}

}  // namespace layergate::oci
