#include "base/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <optional>
#include <system_error>

#include "base/fd.h"
#include "base/why_not.h"

namespace layergate {
namespace {

namespace fs = std::filesystem;
using Done = tl::expected<void, std::string>;

// REQUIRES: errno is that of the step.
tl::unexpected<std::string> failure(const std::string& step, const fs::path& path) {
  return tl::unexpected(why_not(step, path));
}

// Removed again unless it was renamed.
class TemporaryFile {
 public:
  explicit TemporaryFile(const fs::path& target)
      : name_((target.parent_path() / ("." + target.filename().string() + ".XXXXXX")).string()),
        fd_(::mkostemp(name_.data(), O_CLOEXEC)) {}
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() {
    if (fd_ && !renamed_) ::unlink(name_.c_str());
  }

  explicit operator bool() const { return static_cast<bool>(fd_); }
  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] fs::path path() const { return name_; }

  [[nodiscard]] bool rename_to(const fs::path& target) {
    renamed_ = ::rename(name_.c_str(), target.c_str()) == 0;
    return renamed_;
  }

 private:
  std::string name_;
  Fd fd_;
  bool renamed_ = false;
};

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const auto wrote = ::write(fd, text.data(), text.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return true;
}

Done keep_owner(int fd, const struct stat& old, const fs::path& target) {
  struct stat mine {};
  if (::fstat(fd, &mine) != 0) return failure("look at the new", target);
  if (mine.st_uid == old.st_uid && mine.st_gid == old.st_gid) return {};
  if (::fchown(fd, old.st_uid, old.st_gid) != 0)
    return failure("keep the owner and group of", target);
  return {};
}

Done sync_directory(const fs::path& directory) {
  const Fd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd || ::fsync(fd.get()) != 0) return failure("sync the directory", directory);
  return {};
}

}  // namespace

// By a link to the old file, which write_file_atomically() replaces and never writes to: so it
// keeps its owner and mode, and costs nothing.
Done keep_previous(const fs::path& path) {
  const auto target = resolve_links(path);
  if (!target) return tl::unexpected(target.error());
  const auto name = "." + target->filename().string() + ".previous";
  const auto previous = target->parent_path() / name;
  const auto beside = target->parent_path() / (name + "." + std::to_string(::getpid()));
  ::unlink(beside.c_str());  // of a process that was killed here and had this number
  if (::link(target->c_str(), beside.c_str()) != 0) {
    if (errno == ENOENT) return {};
    return failure("keep the previous", *target);
  }
  const bool renamed = ::rename(beside.c_str(), previous.c_str()) == 0;
  const int error = errno;
  ::unlink(beside.c_str());  // still there if both were the same file
  errno = error;
  if (!renamed) return failure("keep the previous", *target);
  return {};
}

tl::expected<fs::path, std::string> resolve_links(const fs::path& path) {
  std::error_code error;
  if (!fs::is_symlink(path, error)) return path;
  auto target = fs::canonical(path, error);
  if (error) {
    return tl::unexpected("cannot follow the link " + path.string() + ": " + error.message());
  }
  struct stat link {};
  struct stat led_to {};
  if (::geteuid() == 0 &&
      (::lstat(path.c_str(), &link) != 0 || ::stat(target.c_str(), &led_to) != 0 ||
       (link.st_uid != 0 && link.st_uid != led_to.st_uid))) {
    return tl::unexpected(
        "the link " + path.string() +
        " is not followed for root: another account made it, and it leads to what "
        "is not its own");
  }
  return target;
}

Done write_file_atomically(const fs::path& path, std::string_view text, mode_t new_mode) {
  const auto resolved = resolve_links(path);
  if (!resolved) return tl::unexpected(resolved.error());
  const fs::path& target = *resolved;
  const fs::path directory = target.has_parent_path() ? target.parent_path() : fs::path(".");

  std::optional<struct stat> old;
  struct stat info {};
  if (::stat(target.c_str(), &info) == 0) {
    if (!S_ISREG(info.st_mode)) {
      return tl::unexpected("cannot replace " + target.string() + ": it is not a regular file");
    }
    old = info;
  } else if (errno != ENOENT) {
    return failure("look at", target);
  }

  TemporaryFile temporary(directory / target.filename());
  if (!temporary) return failure("make a new file beside", target);
  if (!old && ::geteuid() == 0 && ::stat(directory.c_str(), &info) == 0) {
    if (auto given = keep_owner(temporary.fd(), info, target); !given) return given;
  }
  // The owner first: a change of owner clears set-id bits, and a mode must not be open to the wrong
  // group meanwhile.
  if (old) {
    if (auto kept = keep_owner(temporary.fd(), *old, target); !kept) return kept;
  }
  if (::fchmod(temporary.fd(), old ? old->st_mode & 07777 : new_mode) != 0) {
    return failure("set the mode of", temporary.path());
  }
  if (!write_all(temporary.fd(), text)) return failure("write", temporary.path());
  if (::fsync(temporary.fd()) != 0) return failure("sync", temporary.path());
  if (!temporary.rename_to(target)) return failure("replace", target);
  return sync_directory(directory);
}

}  // namespace layergate
