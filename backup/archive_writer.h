// Writes a tar archive, compressed by zstd, and the SHA-256 of all that goes through it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "backup/manifest.h"

namespace layergate::backup {

class ArchiveWriter {
 public:
  // To `out`, which stays the caller's and must stay open as long as this.
  static tl::expected<ArchiveWriter, std::string> open(int out);
  ArchiveWriter(ArchiveWriter&&) noexcept;
  ArchiveWriter& operator=(ArchiveWriter&&) = delete;
  ~ArchiveWriter();

  // The errors say which member, and what failed.
  tl::expected<Member, std::string> add(const std::string& path, mode_t mode,
                                        std::string_view text);
  // `size` bytes from the start of `in`; it may grow meanwhile, but not shrink.
  tl::expected<Member, std::string> add(const std::string& path, mode_t mode, int in,
                                        std::uint64_t size);
  // Writes the archive's end. Returns the SHA-256 of the archive itself, as 64 digits.
  tl::expected<std::string, std::string> finish();

 private:
  struct Impl;
  explicit ArchiveWriter(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace layergate::backup
