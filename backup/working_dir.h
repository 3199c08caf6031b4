// A directory that only this program's user can enter, and that goes with everything in it.
#pragma once

#include <filesystem>
#include <string>

#include <tl/expected.hpp>

namespace layergate::backup {

class WorkingDir {
 public:
  // Below `parent`, under a name that starts with a dot. The error names the parent.
  static tl::expected<WorkingDir, std::string> make(const std::filesystem::path& parent);

  WorkingDir(WorkingDir&& other) noexcept;
  WorkingDir& operator=(WorkingDir&&) = delete;
  ~WorkingDir();

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  explicit WorkingDir(std::filesystem::path path) : path_(std::move(path)) {}

  std::filesystem::path path_;  // empty: moved from
};

}  // namespace layergate::backup
