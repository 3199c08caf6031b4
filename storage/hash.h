// The digest of bytes that come one after the other.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

struct evp_md_ctx_st;

namespace layergate::storage {

class Hash {
 public:
  enum class Algorithm : std::uint8_t { sha256, sha512 };

  explicit Hash(Algorithm algorithm);
  // By the algorithm of this digest. REQUIRES: oci::is_digest(digest).
  static Hash like(std::string_view digest);

  void add(std::string_view bytes);
  // "sha256:…" of all bytes, or "" (no digest at all) where there was no memory for it. Nothing may
  // be added afterwards.
  [[nodiscard]] std::string finish();

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };

  Algorithm algorithm_;
  std::unique_ptr<evp_md_ctx_st, Free> context_;  // null: it failed
};

}  // namespace layergate::storage
