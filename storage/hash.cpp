#include "storage/hash.h"

#include <array>
#include <span>

#include <openssl/evp.h>

#include "base/hex.h"
#include "oci/digest.h"

namespace layergate::storage {

void Hash::Free::operator()(evp_md_ctx_st* context) const { EVP_MD_CTX_free(context); }

Hash::Hash(Algorithm algorithm) : algorithm_(algorithm), context_(EVP_MD_CTX_new()) {
  const auto* method = algorithm == Algorithm::sha256 ? EVP_sha256() : EVP_sha512();
  if (context_ && EVP_DigestInit_ex(context_.get(), method, nullptr) != 1) context_.reset();
}

Hash Hash::like(std::string_view digest) {
  return Hash(oci::is_sha256(digest) ? Algorithm::sha256 : Algorithm::sha512);
}

void Hash::add(std::string_view bytes) {
  if (context_ && EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) != 1) {
    context_.reset();
  }
}

std::string Hash::finish() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
  unsigned size = 0;
  if (!context_ || EVP_DigestFinal_ex(context_.get(), hash.data(), &size) != 1) return "";
  std::string text = algorithm_ == Algorithm::sha256 ? "sha256:" : "sha512:";
  append_hex(text, std::span(hash).first(size));
  return text;
}

}  // namespace layergate::storage
