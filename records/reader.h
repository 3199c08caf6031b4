// Answers questions about the records. Each Reader sees the file as it stands at each call, while
// others write.
//
// Thread safety: a Reader belongs to one thread; to make one costs about as much as a query.
// Errors of the disk are thrown as std::exception.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "records/row_reader.h"

namespace layergate::records {

// What must hold of a row; nothing: everything does.
struct Filter {
  std::optional<std::string> user;
  std::optional<std::string> repository;
  std::optional<std::string> tag;
  std::optional<std::string> action;
  std::optional<bool> allowed;
  std::optional<IpAddress> address;
  std::optional<IpNetwork> network;
  std::optional<WallTime> since;
  std::optional<WallTime> until;  // not included
};

// Where a page ended.
struct Cursor {
  std::int64_t at = 0;
  std::int64_t id = 0;

  [[nodiscard]] std::string to_string() const;
  static std::optional<Cursor> parse(std::string_view text);
};

struct Page {
  std::vector<Row> rows;       // newest first
  std::optional<Cursor> next;  // there may be more
};

// The columns that daily sums are told apart by, beside the day.
struct Grouping {
  bool user = false;
  bool repository = false;
  bool action = false;
  bool decision = false;
};

struct DailySum {
  std::string day;  // "2027-01-31", UTC
  std::string user;
  std::string repository;
  std::string action;
  bool allowed = false;
  std::int64_t requests = 0;
  std::int64_t bytes = 0;
};

struct Anomaly {
  std::int64_t id = 0;
  WallTime at{};
  std::string kind;  // failed_logins_of_address, failed_logins_of_account, new_network, volume
  std::string user;
  std::string address;  // or a network
  std::string detail;
};
nlohmann::ordered_json to_json(const Anomaly& anomaly);

class Reader {
 public:
  // A page may be shorter than it was asked for, though there is more: so many rows are looked at.
  static constexpr int kMostLookedAt = 50'000;

  // Throws std::runtime_error: there is no file, or it is not ours.
  explicit Reader(const std::filesystem::path& file);

  Page query(const Filter& filter, std::size_t limit, std::optional<Cursor> after = std::nullopt);
  // Oldest day first. Of a filter: user, repository, action, allowed, since and until (whole days).
  std::vector<DailySum> daily(const Filter& filter, const Grouping& by);
  // Newest first, those before the one with the id `before`, if that is not 0.
  std::vector<Anomaly> anomalies(const Filter& filter, std::size_t limit, std::int64_t before = 0);

 private:
  sqlite::Connection database_;
  RowReader rows_;
};

}  // namespace layergate::records
