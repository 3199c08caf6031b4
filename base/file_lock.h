// Keeps the writers of a file apart.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>

#include <tl/expected.hpp>

#include "base/fd.h"

namespace layergate {

// How long a writer waits for another.
inline constexpr std::chrono::seconds kLockPatience{10};

// Takes flock() on `lock`, which is made if it does not exist and stays; the lock ends with the
// descriptor. Root gives it the owner of `like`, if that exists, so that what root made the
// service's user can lock too. The error says what failed, or that another program holds it for
// longer than `patience`. Blocks that long.
tl::expected<Fd, std::string> lock_file(const std::filesystem::path& lock,
                                        const std::filesystem::path& like,
                                        std::chrono::milliseconds patience = kLockPatience);

}  // namespace layergate
