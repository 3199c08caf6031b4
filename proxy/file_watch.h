// Changes of a few files: which there were, and whether somebody is still writing.
//
// A file that is written in place passes through states that may be valid policies and laxer ones,
// so a reader has to know when the writer is done.
//
// Thread safety: belongs to one thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <ctime>
#include <filesystem>
#include <map>
#include <string>

#include "base/fd.h"

namespace layergate::proxy {

// What tells one state of a file from another. The time of the last change of status is in it: a
// tool may set the time of modification, and a chmod may make a file readable.
struct FileStamp {
  dev_t device = 0;
  ino_t inode = 0;
  off_t size = -1;  // bytes; -1: there is no such file
  timespec modified{};
  timespec changed{};

  static FileStamp of(const std::filesystem::path& file);
  bool operator==(const FileStamp& other) const;
};
using FileStamps = std::map<std::filesystem::path, FileStamp>;

class FileWatch {
 public:
  enum class Writer : std::uint8_t {
    none,
    present,
    unknown,  // neither the kernel's leases nor its events say anything about this file
  };

  FileWatch();

  // Directories are watched, not files: a rename over the file, or a ConfigMap that swaps a
  // symlink, never touches the inode that was watched (zot PR #4384). To be called again and again:
  // what is watched already stays so, what was replaced is found again.
  void watch(const std::filesystem::path& directory);
  [[nodiscard]] int fd() const { return inotify_.get(); }  // readable when there are events
  void take_events();

  [[nodiscard]] Writer writer_of(const std::filesystem::path& file) const;
  // Whether an event told of a change since the last forget().
  [[nodiscard]] bool is_touched(const std::filesystem::path& file) const;
  // The file was read as it is now.
  void forget(const std::filesystem::path& file);

 private:
  enum class Seen : std::uint8_t { writing, finished };

  Fd inotify_;
  std::map<int, std::filesystem::path> directories_;  // by watch descriptor
  std::map<std::filesystem::path, Seen> seen_;
};

}  // namespace layergate::proxy
