#include "proxy/upload_token.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "base/fd.h"
#include "base/hex.h"
#include "proxy/http.h"

namespace layergate::proxy {

tl::expected<UploadToken, std::string> UploadToken::load(const std::filesystem::path& file) {
  const auto fail = [&](const char* what) {
    return tl::unexpected(file.string() + ": " + what + ": " + std::strerror(errno));
  };
  Key key{};
  if (const Fd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC)); fd) {
    if (::read(fd.get(), key.data(), key.size()) != static_cast<ssize_t>(key.size())) {
      return tl::unexpected(file.string() +
                            ": not a key of 32 bytes; remove it to have a new one made "
                            "(uploads that are open now start again)");
    }
    return UploadToken(key);
  }
  if (errno != ENOENT) return fail("cannot be read");
  if (RAND_bytes(key.data(), static_cast<int>(key.size())) != 1) {
    return tl::unexpected<std::string>("no random bytes to be had");
  }
  // Made complete under another name: a crash never leaves half a key.
  const auto temporary = file.string() + ".new";
  {
    const Fd fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!fd || ::write(fd.get(), key.data(), key.size()) != static_cast<ssize_t>(key.size()) ||
        ::fsync(fd.get()) != 0) {
      return fail("cannot be made");
    }
  }
  if (::rename(temporary.c_str(), file.c_str()) != 0) return fail("cannot be made");
  return UploadToken(key);
}

std::string UploadToken::sign(std::string_view account, std::string_view repository,
                              std::string_view upload_id,
                              std::optional<std::uint64_t> received) const {
  const auto suffix = received ? "." + std::to_string(*received) : std::string();
  std::string text = "upload";
  for (const std::string_view part : {account, repository, upload_id, std::string_view(suffix)}) {
    text += '\0';  // no part can hold one
    text += part;
  }
  std::array<unsigned char, 32> mac{};
  HMAC(EVP_sha256(), key_.data(), static_cast<int>(key_.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), mac.data(), nullptr);
  std::string token;
  append_hex(token, std::span(mac).first(16));  // 128 bits
  return token + suffix;
}

std::optional<std::uint64_t> UploadToken::received_of(std::string_view token) {
  const auto dot = token.find('.');
  return dot == std::string_view::npos ? std::nullopt : parse_decimal(token.substr(dot + 1));
}

bool UploadToken::verify(std::string_view token, std::string_view account,
                         std::string_view repository, std::string_view upload_id) const {
  const auto wanted = sign(account, repository, upload_id, received_of(token));
  return token.size() == wanted.size() &&
         CRYPTO_memcmp(token.data(), wanted.data(), wanted.size()) == 0;
}

}  // namespace layergate::proxy
