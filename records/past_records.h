// Reads access records back: from records.db, or from JSON lines (records/access_log.h).
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "records/access_record.h"

namespace layergate::records {

// One line. The error says what is wrong with it, as the end of a sentence ("is no JSON").
tl::expected<AccessRecord, std::string> parse_record(std::string_view line);

struct RecordsRead {
  std::uint64_t records = 0;
  // Summaries of what was not written one by one, and changes by administrators.
  std::uint64_t others = 0;
  std::uint64_t damaged = 0;  // a log that was cut off ends in half a line
  std::string first_damage;   // "access.log:17: is no JSON"
};

// Calls visit for each record of the file, from `since` on, in no particular order; "-" stands for
// JSON lines on standard input. The error: it cannot be read.
tl::expected<RecordsRead, std::string> read_records(
    const std::filesystem::path& file, std::optional<WallTime> since,
    const std::function<void(const AccessRecord&)>& visit);

}  // namespace layergate::records
