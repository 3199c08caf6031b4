#include "storage/beneath.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace layergate::storage {
namespace {

// Without O_NONBLOCK the opening of a pipe would wait for its writer.
constexpr int kRead = O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
constexpr int kRoot = O_PATH | O_DIRECTORY | O_CLOEXEC;
constexpr int kTries = 8;

Opened opened(int fd) { return fd >= 0 ? Opened{Fd(fd), 0} : Opened{Fd(), errno}; }

Opened open_2(int directory, const char* path, int flags, std::uint64_t resolve, Wait wait) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags);
  how.resolve = resolve | (wait == Wait::no ? std::uint64_t{RESOLVE_CACHED} : 0U);
  return opened(static_cast<int>(::syscall(SYS_openat2, directory, path, &how, sizeof how)));
}

// The call, or RESOLVE_CACHED (before 5.12), is not there.
bool is_missing(int error) { return error == ENOSYS || error == EPERM || error == EINVAL; }

}  // namespace

Opened open_root(const std::filesystem::path& root, Wait wait) {
  if (wait == Wait::yes) return opened(::open(root.c_str(), kRoot));
  auto result = open_2(AT_FDCWD, root.c_str(), kRoot, 0, wait);
  if (is_missing(result.error)) result.error = EAGAIN;
  return result;
}

Opened open_beneath(int root, const std::string& path, Wait wait) {
  constexpr std::uint64_t kInside = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  if (wait == Wait::no) {
    auto result = open_2(root, path.c_str(), kRead, kInside, wait);
    if (is_missing(result.error)) result.error = EAGAIN;
    return result;
  }
  for (int tries = 0; tries < kTries; ++tries) {
    auto result = open_2(root, path.c_str(), kRead, kInside, wait);
    if (is_missing(result.error)) return open_by_steps(root, path);
    // A rename meanwhile: the kernel cannot tell whether the path led out.
    if (result.error != EAGAIN) return result;
  }
  return {Fd(), EBUSY};
}

Opened open_by_steps(int root, const std::string& path) {
  Fd at;
  std::size_t begin = 0;
  while (true) {
    const int directory = at ? at.get() : root;
    const auto slash = path.find('/', begin);
    const auto part = path.substr(begin, slash == std::string::npos ? slash : slash - begin);
    if (part.empty() || part == "..") return {Fd(), EINVAL};
    if (slash == std::string::npos) return opened(::openat(directory, part.c_str(), kRead));
    // With O_PATH a symbolic link would be opened itself, and is no directory: ENOTDIR.
    auto next = opened(::openat(directory, part.c_str(), kRoot | O_NOFOLLOW));
    if (next.error != 0) return next;
    at = std::move(next.fd);
    begin = slash + 1;
  }
}

}  // namespace layergate::storage
