#include "backup/restore.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "backup/working_dir.h"
#include "base/fd.h"
#include "base/why_not.h"

namespace layergate::backup {
namespace {

namespace fs = std::filesystem;
using manage::Done;
using manage::failed;
using manage::Failure;

tl::unexpected<Failure> failure(const char* step, const fs::path& path) {
  return failed(Failure::Kind::io, why_not(step, path));
}

// The target, made if it was not there, and removed again unless it was filled.
class Target {
 public:
  explicit Target(fs::path dir) : dir_(std::move(dir)) {}
  Target(const Target&) = delete;
  Target& operator=(const Target&) = delete;
  ~Target() {
    if (made_ && !filled_) ::rmdir(dir_.c_str());
  }

  Done open() {
    made_ = ::mkdir(dir_.c_str(), 0750) == 0;
    if (made_) return {};
    if (errno != EEXIST) return failure("make", dir_);
    std::error_code error;
    const bool is_dir = fs::is_directory(dir_, error);
    const bool is_empty = is_dir && fs::is_empty(dir_, error);
    if (error) return failed(Failure::Kind::io, dir_.string() + ": " + error.message());
    if (!is_empty) {
      return failed(Failure::Kind::usage,
                    dir_.string() + (is_dir ? " is not empty" : " is no directory") +
                        ": a backup is restored into a new directory or an empty one");
    }
    return {};
  }

  // Renames what stands in `from`; conf last.
  Done fill(const fs::path& from) {
    for (const auto* root : {"state", "acl", "auth", "conf"}) {
      const auto source = from / root;
      if (::access(source.c_str(), F_OK) != 0) {
        // A gate that has not run yet has none; it looks for the directory all the same.
        if (root != std::string_view("state")) continue;
        if (::mkdir(source.c_str(), 0700) != 0) return failure("make", source);
      }
      if (auto synced = sync(source); !synced) return synced;
      // fs::rename would replace an empty directory; in one that was empty there is none.
      if (::rename(source.c_str(), (dir_ / root).c_str()) != 0) {
        return failure("put in place", dir_ / root);
      }
      filled_ = true;
    }
    return sync_one(dir_);
  }

 private:
  // The modes of directories, and their entries on the disk.
  static Done sync(const fs::path& root) {
    std::error_code error;
    if (auto done = sync_one(root); !done) return done;
    fs::recursive_directory_iterator at(root, error);
    for (; !error && at != fs::recursive_directory_iterator{}; at.increment(error)) {
      if (!at->is_directory(error)) continue;
      if (auto done = sync_one(at->path()); !done) return done;
    }
    if (error) return failed(Failure::Kind::io, root.string() + ": " + error.message());
    return {};
  }

  static Done sync_one(const fs::path& dir) {
    const Fd fd(::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd || ::fsync(fd.get()) != 0) return failure("sync", dir);
    return {};
  }

  fs::path dir_;
  bool made_ = false;
  bool filled_ = false;
};

// Group may enter (the service's), others not.
Done close_directories(const fs::path& dir) {
  std::error_code error;
  fs::recursive_directory_iterator at(dir, error);
  for (; !error && at != fs::recursive_directory_iterator{}; at.increment(error)) {
    if (at->is_directory(error) && ::chmod(at->path().c_str(), 0750) != 0) {
      return failure("set the mode of", at->path());
    }
  }
  if (error) return failed(Failure::Kind::io, dir.string() + ": " + error.message());
  return {};
}

}  // namespace

tl::expected<Examined, Failure> restore(const fs::path& file, const fs::path& dir) {
  const auto in = open_archive(file);
  if (!in) return tl::unexpected(in.error());
  const auto full = fs::absolute(dir / ".").lexically_normal().parent_path();
  Target target(full);
  if (auto opened = target.open(); !opened) return tl::unexpected(opened.error());
  // Inside of it: it may be a file system of its own, from which nothing can be renamed.
  const auto work = WorkingDir::make(full);
  if (!work) return failed(Failure::Kind::io, work.error());
  auto found = examine(in->get(), file.string(), work->path());
  if (!found) return found;
  if (auto closed = close_directories(work->path()); !closed) return tl::unexpected(closed.error());
  if (auto filled = target.fill(work->path()); !filled) return tl::unexpected(filled.error());
  return found;
}

}  // namespace layergate::backup
