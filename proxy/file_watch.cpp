#include "proxy/file_watch.h"

#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace layergate::proxy {
namespace {

constexpr std::size_t kMostSeen = 10'000;

bool equal(const timespec& a, const timespec& b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

}  // namespace

FileStamp FileStamp::of(const std::filesystem::path& file) {
  struct stat info {};
  if (::stat(file.c_str(), &info) != 0) return {};
  return {info.st_dev, info.st_ino, info.st_size, info.st_mtim, info.st_ctim};
}

bool FileStamp::operator==(const FileStamp& other) const {
  return device == other.device && inode == other.inode && size == other.size &&
         equal(modified, other.modified) && equal(changed, other.changed);
}

FileWatch::FileWatch() : inotify_(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)) {}

void FileWatch::watch(const std::filesystem::path& directory) {
  constexpr auto kWhat = IN_MODIFY | IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM |
                         IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF;
  const int watch = ::inotify_add_watch(inotify_.get(), directory.c_str(), kWhat);
  if (watch >= 0) directories_[watch] = directory;
}

void FileWatch::take_events() {
  alignas(inotify_event) std::array<char, 16 * 1024> buffer;
  for (;;) {
    const auto bytes = ::read(inotify_.get(), buffer.data(), buffer.size());
    if (bytes <= 0) return;
    for (std::size_t at = 0; at < static_cast<std::size_t>(bytes);) {
      inotify_event event{};
      std::memcpy(&event, buffer.data() + at, sizeof event);
      const char* name = buffer.data() + at + sizeof event;
      at += sizeof event + event.len;
      if ((event.mask & IN_Q_OVERFLOW) != 0) {
        seen_.clear();  // nothing is known now
        continue;
      }
      const auto directory = directories_.find(event.wd);
      if (directory == directories_.end() || event.len == 0) continue;
      const auto file = directory->second / name;
      // Other files of these directories come and go; that only the files asked about are of
      // interest is not known here.
      if (seen_.size() >= kMostSeen) seen_.clear();
      if ((event.mask & IN_MODIFY) != 0) {
        seen_[file] = Seen::writing;
      } else if ((event.mask & (IN_CLOSE_WRITE | IN_MOVED_TO | IN_DELETE | IN_MOVED_FROM)) != 0) {
        seen_[file] = Seen::finished;
      } else if ((event.mask & IN_ATTRIB) != 0) {
        seen_.try_emplace(file, Seen::finished);  // events work here, and none told of a writer
      }
    }
  }
}

FileWatch::Writer FileWatch::writer_of(const std::filesystem::path& file) const {
  const Fd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) return Writer::none;  // loading it will say why
  // A read lease is given only while nobody has the file open for writing (fcntl(2), "Leases"),
  // and only to the file's owner or root.
  if (::fcntl(fd.get(), F_SETLEASE, F_RDLCK) == 0) {
    ::fcntl(fd.get(), F_SETLEASE, F_UNLCK);
    return Writer::none;
  }
  if (errno == EAGAIN) return Writer::present;
  const auto seen = seen_.find(file);
  if (seen == seen_.end()) return Writer::unknown;
  return seen->second == Seen::writing ? Writer::present : Writer::none;
}

bool FileWatch::is_touched(const std::filesystem::path& file) const {
  return seen_.count(file) != 0;
}

void FileWatch::forget(const std::filesystem::path& file) {
  // A writer that has begun again is still there.
  if (const auto seen = seen_.find(file); seen != seen_.end() && seen->second == Seen::finished) {
    seen_.erase(seen);
  }
}

}  // namespace layergate::proxy
