#include "storage/beneath.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace layergate::storage {
namespace {

// Without O_NONBLOCK the opening of a pipe would wait for its writer.
constexpr int kRead = O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
constexpr int kRoot = O_PATH | O_DIRECTORY | O_CLOEXEC;
constexpr int kDirectory = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
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

int adopt(int directory, int made) {
  struct stat above {};
  struct stat status {};
  if (::fstat(directory, &above) != 0 || ::fstat(made, &status) != 0) return errno;
  // A file is as its directory, but not to be executed.
  const auto mode = above.st_mode & (S_ISDIR(status.st_mode) ? 03777U : 00666U);
  const bool is_other = above.st_uid != status.st_uid || above.st_gid != status.st_gid;
  if (::geteuid() == 0 && is_other && ::fchown(made, above.st_uid, above.st_gid) != 0) return errno;
  return ::fchmod(made, mode) == 0 ? 0 : errno;
}

Opened make_directories(int root, const std::string& path) {
  auto at = opened(::openat(root, ".", kDirectory));
  std::size_t begin = 0;
  while (at.error == 0 && begin < path.size()) {
    const auto slash = std::min(path.find('/', begin), path.size());
    const auto part = path.substr(begin, slash - begin);
    begin = slash + 1;
    if (part.empty() || part == "." || part == "..") return {Fd(), EINVAL};
    auto next = opened(::openat(at.fd.get(), part.c_str(), kDirectory));
    if (next.error == ENOENT) {
      const bool is_new = ::mkdirat(at.fd.get(), part.c_str(), S_IRWXU) == 0;
      if (!is_new && errno != EEXIST) return {Fd(), errno};
      next = opened(::openat(at.fd.get(), part.c_str(), kDirectory));
      if (next.error == 0 && is_new) next.error = adopt(at.fd.get(), next.fd.get());
      if (next.error == 0 && is_new && ::fsync(at.fd.get()) != 0) next.error = errno;
    }
    at = std::move(next);
  }
  return at;
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
