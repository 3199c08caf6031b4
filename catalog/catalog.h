// What is known of images besides their tags: state/catalog.db.
//
// What was given when an image was registered, and what was found in the registry. The first goes
// before the second; neither gives anybody a right.
//
// Thread safety: belongs to one thread. Throws std::runtime_error where the disk fails.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "base/small_database.h"

namespace layergate::catalog {

using ImageName = std::pair<std::string, std::string>;  // repository and tag

// What a person said of the image; empty is nothing.
struct Given {
  std::string digest;
  std::string created;                // RFC 3339, as it was given
  std::optional<std::uint64_t> size;  // bytes

  [[nodiscard]] bool empty() const { return digest.empty() && created.empty() && !size; }
  bool operator==(const Given&) const = default;
};

// What a manifest and its config say.
struct Found {
  std::string created;                // RFC 3339, or empty
  std::optional<std::uint64_t> size;  // bytes of config and layers, of all platforms

  bool operator==(const Found&) const = default;
};

class Catalog {
 public:
  // `state`: the directory.
  explicit Catalog(const std::filesystem::path& state);
  // Nothing if none was made yet: a question makes none.
  static std::optional<Catalog> open_existing(const std::filesystem::path& state);

  [[nodiscard]] Given given(const ImageName& image);
  // All or none. An empty one takes away what was there.
  void put_given(const std::map<ImageName, Given>& images);

  // A digest means the same in each repository, and never changes.
  [[nodiscard]] std::optional<Found> found(const std::string& digest);
  void put_found(const std::map<std::string, Found>& found);

 private:
  SQLite::Database db_;
};

}  // namespace layergate::catalog
