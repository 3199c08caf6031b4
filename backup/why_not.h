// What a system call says when it fails.
#pragma once

#include <cerrno>
#include <filesystem>
#include <string>
#include <system_error>

namespace layergate::backup {

// "cannot make /x: Permission denied". REQUIRES: errno is that of the step.
inline std::string why_not(const char* step, const std::filesystem::path& path) {
  const int error = errno;
  return "cannot " + std::string(step) + " " + path.string() + ": " +
         std::generic_category().message(error);
}

}  // namespace layergate::backup
