// SQLite databases in a backup.
//
// The errors are ends of sentences about the file.
#pragma once

#include <filesystem>
#include <string>

#include <tl/expected.hpp>

namespace layergate::backup {

// Whether an open file begins as every SQLite database with something in it does.
bool is_database(int fd);

// Copies the database as it is at one moment, without its log beside it; others may read and write
// it meanwhile. REQUIRES: `copy` does not exist.
tl::expected<void, std::string> copy_database(const std::filesystem::path& from,
                                              const std::filesystem::path& copy);

// SQLite's own integrity_check over all of it.
tl::expected<void, std::string> check_database(const std::filesystem::path& file);

}  // namespace layergate::backup
