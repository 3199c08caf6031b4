// Reads access records back from JSON lines (records/access_log.h).
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "records/access_record.h"

namespace layergate::records {

// One line. The error says what is wrong with it, as the end of a sentence ("is no JSON").
tl::expected<AccessRecord, std::string> parse_record(std::string_view line);

// The log and what was rotated out of it, as far as they are there: "access.log", "access.1.log"…
std::vector<std::filesystem::path> rotated_files(const std::filesystem::path& file);

struct LinesRead {
  std::uint64_t records = 0;
  std::uint64_t others = 0;   // summaries of what was not written one by one
  std::uint64_t damaged = 0;  // a log that was cut off ends in half a line
  std::string first_damage;   // "access.log:17: is no JSON"
};

// Calls visit for each record of the file; "-" is standing for standard input. The error: it cannot
// be read.
tl::expected<LinesRead, std::string> read_records(
    const std::filesystem::path& file, const std::function<void(const AccessRecord&)>& visit);

}  // namespace layergate::records
