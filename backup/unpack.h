// Puts what an archive holds into a directory, and proves that it is what was backed up.
#pragma once

#include <filesystem>
#include <string>

#include <tl/expected.hpp>

#include "backup/manifest.h"
#include "manage/failure.h"

namespace layergate::backup {

struct Unpacked {
  Manifest manifest;
  std::string sha256;  // of the archive
};

// From `in`, an archive that anybody may have made, into `dir`, which is empty and in which nobody
// else writes. Each member has the size and the SHA-256 of the manifest, none is missing and none
// is there that the manifest does not name. The files belong to who runs this, are readable by the
// group if they were, by others never, and are synced. `name` is the archive's, for errors.
tl::expected<Unpacked, manage::Failure> unpack(int in, const std::string& name,
                                               const std::filesystem::path& dir);

}  // namespace layergate::backup
