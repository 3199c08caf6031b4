// Digests as fixed-size keys (OCI image specification, "Digests").
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace layergate::oci {

// 32 bytes that stand for a digest: the bytes themselves of a sha256; of any other, the complement
// of the SHA-256 of its text. So equal keys are equal digests, as surely as SHA-256 holds.
struct DigestKey {
  std::array<std::uint8_t, 32> bytes{};

  bool operator==(const DigestKey& other) const = default;
  // They are uniformly spread already.
  [[nodiscard]] std::uint64_t hash() const {
    std::uint64_t value = 0;
    std::memcpy(&value, bytes.data(), sizeof value);
    return value;
  }
};

// REQUIRES: is_digest(digest)
DigestKey key_of(std::string_view digest);
// "sha256:…" of a key that was made from one.
std::string sha256_text(const DigestKey& key);
inline bool is_sha256(std::string_view digest) { return digest.starts_with("sha256:"); }

// A sha256 as its 32 bytes, a sha512 as its 64, for the disk; and back.
// REQUIRES: is_digest(digest), and bytes that pack() made.
std::string pack(std::string_view digest);
std::string unpack(std::string_view bytes);

// A digest by its key, with its text where the key does not give that back.
class Digest {
 public:
  // REQUIRES: is_digest(text)
  explicit Digest(std::string_view text)
      : key_(key_of(text)), other_text_(is_sha256(text) ? std::string_view() : text) {}
  // REQUIRES: bytes that pack() made.
  static Digest from_packed(std::string_view bytes);

  [[nodiscard]] const DigestKey& key() const { return key_; }
  [[nodiscard]] std::string text() const {
    return other_text_.empty() ? sha256_text(key_) : other_text_;
  }
  // Empty for a sha256.
  [[nodiscard]] const std::string& other_text() const { return other_text_; }

 private:
  explicit Digest(const DigestKey& key) : key_(key) {}

  DigestKey key_;
  std::string other_text_;
};

// The digest of data: "sha256:…".
std::string sha256_of(std::string_view data);
// Whether the digest, by whichever of the registered algorithms, is that of data.
bool is_digest_of(std::string_view digest, std::string_view data);

}  // namespace layergate::oci
