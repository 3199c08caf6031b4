// What a system call says when it fails.
#pragma once

#include <cerrno>
#include <filesystem>
#include <string>
#include <system_error>

namespace layergate {

// "cannot make /x: Permission denied". REQUIRES: errno is that of the step.
inline std::string why_not(const std::string& step, const std::filesystem::path& path) {
  const int error = errno;
  return "cannot " + step + " " + path.string() + ": " + std::generic_category().message(error);
}

}  // namespace layergate
