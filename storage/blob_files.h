// From a repository and a digest to the open file of the blob.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "base/fd.h"
#include "storage/beneath.h"
#include "storage/miss.h"

namespace layergate::storage {

// Which file it is and in which state: what the kernel changes whenever somebody writes to it.
struct FileIdentity {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t size = 0;     // bytes
  std::int64_t modified = 0;  // nanoseconds since 1970, as the next one
  std::int64_t changed = 0;

  bool operator==(const FileIdentity& other) const = default;
};

struct BlobFile {
  Fd fd;
  FileIdentity identity;
  std::string digest;  // under which the registry keeps it
};

// Nothing if the descriptor is that of no regular file.
std::optional<FileIdentity> identity_of(int fd);

// Thread safety: may be used from any thread.
class BlobFiles {
 public:
  explicit BlobFiles(std::filesystem::path root) : root_(std::move(root)) {}

  // REQUIRES: by the grammar, as link_path(). Nothing is remembered, not even the root's
  // descriptor: a link that the registry has removed, or a directory that was moved, counts at
  // once.
  [[nodiscard]] tl::expected<BlobFile, Miss> find(std::string_view repository,
                                                  std::string_view digest, Wait wait) const;

  [[nodiscard]] const std::filesystem::path& root() const { return root_; }

 private:
  const std::filesystem::path root_;
};

}  // namespace layergate::storage
