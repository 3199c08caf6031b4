// Makes a backup of a gate that may be running: configuration and state in one archive.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "config/config.h"
#include "manage/failure.h"

namespace layergate::backup {

struct Made {
  std::string sha256;  // of the archive
  std::size_t files = 0;
  std::vector<std::string> passed_over;  // what is not in it, and why
};

// Refuses a configuration, a policy or a password file that does not load, a file that exists and
// one inside what is backed up. `file` appears whole and synced, with mode 0600, or not at all.
tl::expected<Made, manage::Failure> create(const config::Config& config,
                                           const std::filesystem::path& file);
// The same into a pipe or an open file.
tl::expected<Made, manage::Failure> create(const config::Config& config, int out);

}  // namespace layergate::backup
