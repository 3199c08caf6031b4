// A registry's files, as a registry leaves them.
#pragma once

#include <filesystem>
#include <string>

#include "oci/digest.h"
#include "storage/layout.h"
#include "tests/unit/temp_dir.h"

namespace layergate::storage {

class Tree {
 public:
  // The blob, and its link in team/a; returns its digest.
  std::string add(const std::string& bytes) const {
    auto digest = oci::sha256_of(bytes);
    put(blob(digest), bytes);
    put(link(digest), digest);
    return digest;
  }
  [[nodiscard]] std::filesystem::path blob(const std::string& digest) const {
    return root() / blob_path(digest);
  }
  [[nodiscard]] std::filesystem::path link(const std::string& digest) const {
    return root() / link_path("team/a", digest);
  }
  [[nodiscard]] std::filesystem::path root() const { return dir_ / "root"; }
  static void put(const std::filesystem::path& path, const std::string& bytes) {
    std::filesystem::create_directories(path.parent_path());
    write_text(path, bytes);
  }

 private:
  TempDir dir_;
};

}  // namespace layergate::storage
