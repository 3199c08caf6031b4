// SHA-256 of what comes piece by piece.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <openssl/evp.h>

namespace layergate {

class Sha256 {
 public:
  // This and add() throw std::runtime_error if OpenSSL has no SHA-256.
  Sha256();
  void add(std::string_view bytes);
  // 64 hexadecimal digits. REQUIRES: called once, and nothing is added afterwards.
  [[nodiscard]] std::string hex();

 private:
  struct Free {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  std::unique_ptr<EVP_MD_CTX, Free> context_;
};

}  // namespace layergate
