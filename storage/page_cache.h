// Whether a part of a file is in memory, and how to bring it there.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <span>

namespace layergate::storage {

// Reads without waiting for the disk: -1 with errno EAGAIN where it would have to, and where the
// filesystem cannot tell.
ssize_t read_cached(int fd, std::span<char> into, std::uint64_t offset);

// How many of these bytes, from the first on, are in memory. One byte of each kProbe is looked at:
// the kernel reads and drops pages in runs, and to look at each of them costs as much as to send
// them. What lies between may rarely be missing, and is then waited for.
std::size_t count_cached(int fd, std::uint64_t offset, std::size_t count);
inline constexpr std::size_t kProbe = 256U << 10U;

// Reads these bytes into memory, and has the kernel begin with as many behind them. Waits. Answers
// how many there are, fewer only at the end of the file; -1 with errno.
ssize_t bring_in(int fd, std::uint64_t offset, std::size_t count);

}  // namespace layergate::storage
