#include "backup/working_dir.h"

#include <cerrno>
#include <cstdlib>
#include <system_error>
#include <utility>

namespace layergate::backup {

tl::expected<WorkingDir, std::string> WorkingDir::make(const std::filesystem::path& parent) {
  auto name = (parent / ".layergate.XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) {
    const int error = errno;
    return tl::unexpected("cannot make a directory in " + parent.string() + ": " +
                          std::generic_category().message(error));
  }
  return WorkingDir(std::move(name));
}

WorkingDir::WorkingDir(WorkingDir&& other) noexcept : path_(std::exchange(other.path_, {})) {}

WorkingDir::~WorkingDir() {
  std::error_code ignored;
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

}  // namespace layergate::backup
