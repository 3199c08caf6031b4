#include "base/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <thread>

#include "base/why_not.h"

namespace layergate {

tl::expected<Fd, std::string> lock_file(const std::filesystem::path& lock,
                                        const std::filesystem::path& like,
                                        std::chrono::milliseconds patience) {
  const auto failure = [&](const std::string& step) { return tl::unexpected(why_not(step, lock)); };
  // Read-only: whoever may read the file may wait for its writers. O_CREAT only where there is
  // none: in a sticky directory it is refused for a file of somebody else's, even to root
  // (fs.protected_regular).
  constexpr int kFlags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
  Fd fd(::open(lock.c_str(), kFlags));
  if (!fd && errno == ENOENT) fd = Fd(::open(lock.c_str(), kFlags | O_CREAT, 0640));
  if (!fd) return failure("open the lock file");
  struct stat owner {};
  struct stat mine {};
  if (::geteuid() == 0 && ::stat(like.c_str(), &owner) == 0 && ::fstat(fd.get(), &mine) == 0 &&
      (owner.st_uid != mine.st_uid || owner.st_gid != mine.st_gid) &&
      ::fchown(fd.get(), owner.st_uid, owner.st_gid) != 0) {
    return failure("give its owner to");
  }
  const auto until = std::chrono::steady_clock::now() + patience;
  while (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) return failure("lock");
    if (std::chrono::steady_clock::now() >= until) {
      return tl::unexpected("another program holds " + lock.string() + "; try again");
    }
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
  }
  return fd;
}

}  // namespace layergate
