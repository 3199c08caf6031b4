// Brings a backup back, into a directory of its own.
#pragma once

#include <filesystem>

#include <tl/expected.hpp>

#include "backup/examine.h"
#include "manage/failure.h"

namespace layergate::backup {

// From `file` ("-": standard input) into `dir`, which is empty or not there yet: the configuration
// to dir/conf, the state to dir/state. All is proven before anything of it is in its place; conf
// comes last, so that without it nothing can start. A failure leaves `dir` as it was.
tl::expected<Examined, manage::Failure> restore(const std::filesystem::path& file,
                                                const std::filesystem::path& dir);

}  // namespace layergate::backup
