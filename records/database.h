// The form of state/records.db. docs/records.md describes it for people.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/sqlite.h"
#include "records/chain.h"
#include "records/row.h"

namespace layergate::records {

inline std::filesystem::path database_in(const std::filesystem::path& state) {
  return state / "records.db";
}

// Throws std::runtime_error with the file and what to do.
sqlite::Connection open_database(const std::filesystem::path& file, sqlite::Mode mode);

// A place in the chain: the newest row, or the newest of those that were removed after their time.
struct Link {
  std::int64_t id = 0;
  Hash hash{};
};
Link head_of(sqlite::Connection& database);
Link anchor_of(sqlite::Connection& database);

// Days since 1970, UTC.
std::int64_t day_of(WallTime time);
std::string day_text(std::int64_t day);  // "2027-01-31"

std::string packed_address(const IpAddress& address);  // 4 or 16 bytes
IpAddress unpacked_address(std::string_view bytes);

// The id of a text, or -1 if no row has it.
std::int64_t find_text(sqlite::Connection& database, std::string_view text);

}  // namespace layergate::records
