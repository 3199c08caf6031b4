// Opens files below a directory, out of which no symbolic link leads.
#pragma once

#include <filesystem>
#include <string>

#include "base/fd.h"

namespace layergate::storage {

// Whether one may wait for the disk. An event loop may not: it asks for what is in memory, and for
// the rest again on a thread of its own.
enum class Wait : bool { no, yes };

// No fd: `error` is the errno. EAGAIN: one would have to wait.
struct Opened {
  Fd fd;
  int error = 0;
};

// A directory to look below; its own path may have symbolic links in it.
Opened open_root(const std::filesystem::path& root, Wait wait);

// For reading; a pipe is not waited for. `path` is relative, without "..". ELOOP: a part of it is a
// symbolic link.
Opened open_beneath(int root, const std::string& path, Wait wait);

// The directory (of "", the root itself), for reading and fsync, and made with all that is missing
// on the way: each with the mode of the one that holds it (and, if root makes it, its owner), and
// on disk when this returns. Waits.
Opened make_directories(int root, const std::string& path);

// Gives what was made in a directory that one's mode and, for root, its owner: whoever may use
// what is there may use this. 0, or the errno.
int adopt(int directory, int made);

// As open_beneath(), where the kernel has no openat2 (before 5.6, or a container's filter forbids
// it); waits.
Opened open_by_steps(int root, const std::string& path);

}  // namespace layergate::storage
