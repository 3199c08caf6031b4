// Reads a whole text file.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

#include <tl/expected.hpp>

namespace layergate {

// The error is the end of a sentence about the file: "is a directory", "cannot be opened:
// Permission denied", "is larger than 268435456 bytes". Only regular files are read (symbolic links
// are followed), so that a pipe in a file's place cannot make the program wait. Blocks on the disk.
tl::expected<std::string, std::string> read_file(const std::filesystem::path& path,
                                                 std::size_t most_bytes);

}  // namespace layergate
