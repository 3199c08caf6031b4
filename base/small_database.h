// The small SQLite files of `state`: what is written now and then, by the proxy and by commands at
// the same time.
#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <filesystem>
#include <string>

namespace layergate {

struct SmallDatabaseForm {
  int application;     // PRAGMA application_id: tells the file from any other
  const char* schema;  // SQL that makes an empty one
};

// Opens the file, and makes it and its directory where they are not there. Writes outlive a power
// cut; a writer waits ten seconds for another. What root makes gets the owner of its directory, so
// that the service can use it. Throws std::runtime_error with the file's name.
SQLite::Database open_small_database(const std::filesystem::path& file,
                                     const SmallDatabaseForm& form);

}  // namespace layergate
