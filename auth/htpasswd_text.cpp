#include "auth/htpasswd_text.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "auth/htpasswd.h"
#include "base/fd.h"

namespace layergate::auth {
namespace {

tl::unexpected<ReadError> refuse(std::string what, bool missing = false) {
  return tl::unexpected(ReadError{missing, std::move(what)});
}

std::string cannot_read(int error) {
  return "cannot be read: " + std::generic_category().message(error);
}

}  // namespace

tl::expected<std::string, ReadError> read_htpasswd_text(const std::filesystem::path& file) {
  // O_NONBLOCK: to open a FIFO must not wait for its writer.
  const Fd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd) {
    const int error = errno;
    if (error == ENOENT) return refuse("does not exist", true);
    return refuse(cannot_read(error));
  }
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return refuse(cannot_read(errno));
  if (S_ISDIR(info.st_mode)) return refuse("is a directory, not a password file");
  if (!S_ISREG(info.st_mode)) return refuse("is not a regular file");

  std::string text;
  constexpr std::size_t kStep = 64 * 1024;
  for (;;) {
    const auto had = text.size();
    text.resize(had + kStep);
    const auto got = ::read(fd.get(), text.data() + had, kStep);
    const int error = errno;
    text.resize(had + (got > 0 ? static_cast<std::size_t>(got) : 0));
    if (got < 0 && error == EINTR) continue;
    if (got < 0) return refuse(cannot_read(error));
    if (got == 0) return text;
    if (text.size() > Htpasswd::kMostBytes) return refuse("is larger than 64 MiB");
  }
}

std::string_view without_byte_order_mark(std::string_view text) {
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  return text;
}

std::optional<std::string_view> HtpasswdLine::user() const {
  const auto colon = text.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  return text.substr(0, colon);
}

std::string_view HtpasswdLine::hash() const {
  const auto colon = text.find(':');
  return colon == std::string_view::npos ? std::string_view() : text.substr(colon + 1);
}

std::optional<HtpasswdLine> HtpasswdLines::next() {
  if (rest_.empty()) return std::nullopt;
  const auto newline = rest_.find('\n');
  const auto size = newline == std::string_view::npos ? rest_.size() : newline + 1;
  const auto whole = rest_.substr(0, size);
  rest_.remove_prefix(size);
  auto text = whole;
  if (text.ends_with('\n')) text.remove_suffix(1);
  if (text.ends_with('\r')) text.remove_suffix(1);
  return HtpasswdLine{text, whole, ++number_};
}

}  // namespace layergate::auth
