#include "base/read_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "base/fd.h"

namespace layergate {
namespace {

constexpr std::size_t kChunk = std::size_t{256} * 1024;

tl::unexpected<std::string> failed(const char* what) {
  return tl::make_unexpected(std::string(what) + ": " + std::generic_category().message(errno));
}

}  // namespace

tl::expected<std::string, std::string> read_file(const std::filesystem::path& path,
                                                 std::size_t most_bytes) {
  const auto too_large = [&] {
    return tl::make_unexpected("is larger than " + std::to_string(most_bytes) + " bytes");
  };
  // Without O_NONBLOCK the opening of a pipe would wait for its writer.
  const Fd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)};
  if (!fd) return failed("cannot be opened");
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return failed("cannot be examined");
  if (S_ISDIR(status.st_mode)) return tl::make_unexpected(std::string("is a directory"));
  if (!S_ISREG(status.st_mode)) return tl::make_unexpected(std::string("is not a regular file"));
  const auto expected = static_cast<std::size_t>(status.st_size);
  if (expected > most_bytes) return too_large();

  std::string text;
  std::size_t filled = 0;
  text.resize(expected + 1);  // one more, to meet the end without another round
  for (;;) {
    if (filled == text.size()) text.resize(filled + kChunk);  // it grew meanwhile
    const auto got = ::read(fd.get(), text.data() + filled, text.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed("cannot be read");
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
    if (filled > most_bytes) return too_large();
  }
  text.resize(filled);
  return text;
}

}  // namespace layergate
