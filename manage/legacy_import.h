// Takes over the files of the older system: all of them or nothing.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "config/config.h"
#include "manage/failure.h"
#include "manage/managed_policy.h"

namespace layergate::manage {

struct Imported {
  std::size_t accounts = 0;  // that are new
  std::size_t images = 0;
  std::size_t same_accounts = 0;  // that were there already, just so
  std::size_t same_images = 0;
  std::vector<std::string> notes;
};

// `dir` holds users.json, images.json and auth/htpasswd, which stay as they are. What is there
// already has to say the same; each that does not, and each mistake, is told with file and key.
// `lenient`: unknown fields, and allowed users who are no accounts, are left out with a note; a
// list that becomes empty so allows nobody. A second import of the same files changes nothing.
tl::expected<Imported, Failure> import_legacy(const config::Config& config,
                                              const std::filesystem::path& dir, bool lenient,
                                              const Terms& terms = {});

}  // namespace layergate::manage
