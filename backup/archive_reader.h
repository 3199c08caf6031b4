// Reads a tar archive that anybody may have made: nothing in it is believed.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "backup/manifest.h"

namespace layergate::backup {

class ArchiveReader {
 public:
  struct Entry {
    std::string path;  // a member's path (is_member_path) or the manifest's
    std::uint64_t size = 0;
  };
  using Sink = std::function<tl::expected<void, std::string>(std::string_view)>;

  // From `in`, which stays the caller's and must stay open as long as this.
  static tl::expected<ArchiveReader, std::string> open(int in);
  ArchiveReader(ArchiveReader&&) noexcept;
  ArchiveReader& operator=(ArchiveReader&&) = delete;
  ~ArchiveReader();

  // The next entry, or nothing at the end. The error says what is wrong with the archive: cut off,
  // no archive, a path that leaves it, anything that is no regular file.
  tl::expected<std::optional<Entry>, std::string> next();
  // What the entry holds, piece by piece. Returns its SHA-256 as 64 digits.
  tl::expected<std::string, std::string> read(const Sink& sink);
  // Of the archive itself, as 64 digits. REQUIRES: next() was at the end; called once.
  tl::expected<std::string, std::string> sha256();

 private:
  struct Impl;
  explicit ArchiveReader(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace layergate::backup
