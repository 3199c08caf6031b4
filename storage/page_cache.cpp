#include "storage/page_cache.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/statfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

namespace layergate::storage {
namespace {

constexpr std::size_t kPiece = 256U << 10U;

bool is_in_memory(int fd) {
  struct statfs of {};
  return ::fstatfs(fd, &of) == 0 && (of.f_type == TMPFS_MAGIC || of.f_type == RAMFS_MAGIC);
}

}  // namespace

ssize_t read_cached(int fd, std::span<char> into, std::uint64_t offset) {
  const iovec part{into.data(), into.size()};
  const auto bytes = ::preadv2(fd, &part, 1, static_cast<off_t>(offset), RWF_NOWAIT);
  if (bytes >= 0 || errno == EAGAIN) return bytes;
  if (errno == EOPNOTSUPP && is_in_memory(fd)) {
    return ::pread(fd, into.data(), into.size(), static_cast<off_t>(offset));
  }
  errno = EAGAIN;
  return -1;
}

std::size_t count_cached(int fd, std::uint64_t offset, std::size_t count) {
  char byte = 0;
  const auto is_cached = [&](std::uint64_t at) { return read_cached(fd, {&byte, 1}, at) == 1; };
  if (count == 0 || !is_cached(offset)) return 0;
  std::size_t cached = 0;
  while (cached < count) {
    const auto next = std::min(cached + kProbe, count);
    if (!is_cached(offset + next - 1)) break;
    cached = next;
  }
  return cached;
}

ssize_t bring_in(int fd, std::uint64_t offset, std::size_t count) {
  // Only advice: whether it is taken does not matter.
  ::posix_fadvise(fd, static_cast<off_t>(offset), static_cast<off_t>(2 * count),
                  POSIX_FADV_WILLNEED);
  std::vector<char> piece(std::min(count, kPiece));
  std::size_t read = 0;
  while (read < count) {
    const auto bytes = ::pread(fd, piece.data(), std::min(piece.size(), count - read),
                               static_cast<off_t>(offset + read));
    if (bytes < 0 && errno == EINTR) continue;
    if (bytes < 0) return -1;
    if (bytes == 0) break;
    read += static_cast<std::size_t>(bytes);
  }
  return static_cast<ssize_t>(read);
}

}  // namespace layergate::storage
