#include "backup/working_dir.h"

#include <cstdlib>
#include <system_error>
#include <utility>

#include "base/why_not.h"

namespace layergate::backup {

tl::expected<WorkingDir, std::string> WorkingDir::make(const std::filesystem::path& parent) {
  auto name = (parent / ".layergate.XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) {
    return tl::unexpected(why_not("make a directory in", parent));
  }
  return WorkingDir(std::move(name));
}

WorkingDir::WorkingDir(WorkingDir&& other) noexcept : path_(std::exchange(other.path_, {})) {}

WorkingDir::~WorkingDir() {
  std::error_code ignored;
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

}  // namespace layergate::backup
