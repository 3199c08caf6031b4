// Writes accounts and registered images in the form of the older system.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "config/config.h"
#include "manage/failure.h"

namespace layergate::manage {

struct Exported {
  std::size_t accounts = 0;
  std::size_t images = 0;
  std::vector<std::string> notes;  // what was left out, and why
};

// Writes users.json, images.json and auth/htpasswd below `dir`, each in one step; those that are
// there are replaced only with `force`. What the old form cannot say without allowing more is left
// out: an account that is disabled, ends, or may come from some addresses only, and an image that
// is allowed to nobody.
tl::expected<Exported, Failure> export_legacy(const config::Config& config,
                                              const std::filesystem::path& dir, bool force);

}  // namespace layergate::manage
