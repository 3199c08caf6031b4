#include "auth/apr1.h"

#include <array>
#include <cstdint>
#include <memory>

#include <openssl/evp.h>

#include "auth/secret.h"

namespace layergate::auth {
namespace {

using Digest = std::array<unsigned char, 16>;

class Md5 {
 public:
  // The fetch is kept: an implicit one a digest would cost more than the digest.
  Md5() : md5_(EVP_MD_fetch(nullptr, "MD5", nullptr)), context_(EVP_MD_CTX_new()) {}

  [[nodiscard]] bool begin() {
    ok_ = md5_ && context_ && EVP_DigestInit_ex2(context_.get(), md5_.get(), nullptr) == 1;
    return ok_;
  }
  void add(std::string_view text) { add(text.data(), text.size()); }
  void add(const void* bytes, std::size_t size) {
    ok_ = ok_ && EVP_DigestUpdate(context_.get(), bytes, size) == 1;
  }
  [[nodiscard]] bool end(Digest& out) {
    return ok_ && EVP_DigestFinal_ex(context_.get(), out.data(), nullptr) == 1;
  }

 private:
  struct Free {
    void operator()(EVP_MD* md) const { EVP_MD_free(md); }
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  std::unique_ptr<EVP_MD, Free> md5_;
  std::unique_ptr<EVP_MD_CTX, Free> context_;
  bool ok_ = false;
};

// Three bytes to four digits, low bits first, in the order that MD5-crypt shuffles them to.
std::string to_digits(const Digest& digest) {
  constexpr std::string_view kDigits =
      "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  constexpr std::uint8_t kOrder[5][3] = {
      {0, 6, 12}, {1, 7, 13}, {2, 8, 14}, {3, 9, 15}, {4, 10, 5}};
  std::string out;
  const auto put = [&](std::uint32_t value, int digits) {
    for (; digits > 0; --digits, value >>= 6) out += kDigits[value & 0x3f];
  };
  for (const auto& order : kOrder) {
    put(std::uint32_t{digest[order[0]]} << 16 | std::uint32_t{digest[order[1]]} << 8 |
            digest[order[2]],
        4);
  }
  put(digest[11], 2);
  return out;
}

}  // namespace

// The algorithm is Poul-Henning Kamp's MD5-crypt with another magic (apr_md5.c, apr_md5_encode).
std::optional<std::string> apr1_digest(std::string_view password, std::string_view salt) {
  constexpr std::string_view kMagic = "$apr1$";
  constexpr int kRounds = 1000;
  Md5 md5;
  Digest digest{};
  const Cleanser cleanser(digest.data(), digest.size());

  if (!md5.begin()) return std::nullopt;
  md5.add(password);
  md5.add(salt);
  md5.add(password);
  if (!md5.end(digest) || !md5.begin()) return std::nullopt;

  md5.add(password);
  md5.add(kMagic);
  md5.add(salt);
  for (auto left = password.size(); left > 0; left -= std::min(left, digest.size())) {
    md5.add(digest.data(), std::min(left, digest.size()));
  }
  // The original reads its buffer here after zeroing it: a zero byte for each bit that is set.
  for (auto bits = password.size(); bits != 0; bits >>= 1) {
    if ((bits & 1) != 0) {
      md5.add("\0", 1);
    } else {
      md5.add(password.substr(0, 1));
    }
  }
  if (!md5.end(digest)) return std::nullopt;

  for (int round = 0; round < kRounds; ++round) {
    if (!md5.begin()) return std::nullopt;
    const auto add_digest = [&] { md5.add(digest.data(), digest.size()); };
    if (round % 2 != 0) {
      md5.add(password);
    } else {
      add_digest();
    }
    if (round % 3 != 0) md5.add(salt);
    if (round % 7 != 0) md5.add(password);
    if (round % 2 != 0) {
      add_digest();
    } else {
      md5.add(password);
    }
    if (!md5.end(digest)) return std::nullopt;
  }
  return to_digits(digest);
}

}  // namespace layergate::auth
