#include "records/past_records.h"

#include <array>
#include <cerrno>
#include <exception>
#include <fstream>
#include <iostream>
#include <system_error>
#include <utility>

#include <nlohmann/json.hpp>

#include "records/reader.h"

namespace layergate::records {
namespace {

using Json = nlohmann::json;

// Longer ones are none of ours: each text in a record is capped.
constexpr std::size_t kLongestLine = 64U << 10U;

bool is_event(std::string_view line) { return line.find("\"event\":") != std::string_view::npos; }

// Cuts off what is longer than a record can be, and says so.
bool next_line(std::istream& in, std::string& line, bool& too_long) {
  line.clear();
  too_long = false;
  for (int c = in.get(); c != std::istream::traits_type::eof(); c = in.get()) {
    if (c == '\n') return true;
    if (line.size() < kLongestLine) {
      line += static_cast<char>(c);
    } else {
      too_long = true;
    }
  }
  return !line.empty();
}

bool is_database(const std::filesystem::path& file) {
  constexpr std::string_view kMagic{"SQLite format 3\0", 16};  // sqlite.org/fileformat.html
  std::array<char, kMagic.size()> head{};
  std::ifstream in(file, std::ios::binary);
  return in.read(head.data(), head.size()) && std::string_view(head.data(), head.size()) == kMagic;
}

AccessRecord record_of(Row row) {
  AccessRecord record;
  record.time = row.at - std::chrono::milliseconds(row.microseconds / 1000);
  record.trace = std::move(row.trace);
  record.user = std::move(row.user);
  record.address = row.address;
  record.method = std::move(row.method);
  record.action = std::move(row.action);
  record.repository = std::move(row.repository);
  record.reference = std::move(row.reference);
  record.digest = std::move(row.digest);
  record.tag = std::move(row.tag);
  record.status = static_cast<int>(row.status);
  record.code = std::move(row.code);
  record.verified = row.verified;
  record.allowed = row.allowed;
  record.complete = row.complete;
  record.reason = std::move(row.reason);
  record.rule = std::move(row.rule);
  return record;
}

tl::expected<RecordsRead, std::string> read_database(
    const std::filesystem::path& file, std::optional<WallTime> since,
    const std::function<void(const AccessRecord&)>& visit) {
  constexpr std::size_t kPage = 5000;
  RecordsRead read;
  try {
    Reader reader(file);
    Filter filter;
    filter.since = since;
    std::optional<Cursor> next;
    do {
      auto page = reader.query(filter, kPage, next);
      for (auto& row : page.rows) {
        if (row.method.empty()) {
          ++read.others;
          continue;
        }
        ++read.records;
        visit(record_of(std::move(row)));
      }
      next = page.next;
    } while (next);
  } catch (const std::exception& error) {
    return tl::unexpected(std::string(error.what()));
  }
  return read;
}

}  // namespace

tl::expected<AccessRecord, std::string> parse_record(std::string_view line) {
  const auto json = Json::parse(line, nullptr, false);
  if (json.is_discarded()) return tl::unexpected(std::string("is no JSON"));
  if (!json.is_object()) return tl::unexpected(std::string("is no record"));
  const auto text = [&](const char* key) {
    const auto found = json.find(key);
    return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  const auto time = parse_time(text("time"));
  if (!time) return tl::unexpected(std::string("has no time"));
  const auto address = IpAddress::parse(text("address"));
  if (!address) return tl::unexpected(std::string("has no address"));
  const auto decision = text("decision");
  if (decision != "allowed" && decision != "denied") {
    return tl::unexpected(std::string("has no decision"));
  }
  AccessRecord record;
  record.time = *time;
  record.trace = text("trace");
  record.user = text("user");
  record.address = *address;
  record.method = text("method");
  record.action = text("action");
  record.repository = text("repository");
  record.reference = text("reference");
  record.digest = text("digest");
  record.tag = text("tag");
  if (const auto status = json.find("status"); status != json.end() && status->is_number()) {
    record.status = status->get<int>();
  }
  record.code = text("code");
  record.allowed = decision == "allowed";
  record.reason = text("reason");
  record.rule = text("rule");
  return record;
}

tl::expected<RecordsRead, std::string> read_records(
    const std::filesystem::path& file, std::optional<WallTime> since,
    const std::function<void(const AccessRecord&)>& visit) {
  if (is_database(file)) return read_database(file, since, visit);
  std::ifstream opened;
  const bool is_input = file == "-";
  if (!is_input) {
    std::error_code ignored;
    if (std::filesystem::is_directory(file, ignored)) {
      return tl::unexpected(file.string() + ": is a directory, and a file of records is needed");
    }
    errno = 0;
    opened.open(file, std::ios::binary);
    if (!opened) {
      return tl::unexpected(file.string() +
                            ": cannot be read: " + std::generic_category().message(errno));
    }
  }
  std::istream& in = is_input ? std::cin : opened;
  RecordsRead read;
  std::string line;
  bool too_long = false;
  for (std::uint64_t number = 1; next_line(in, line, too_long); ++number) {
    if (line.empty()) continue;
    const auto record = too_long ? tl::unexpected(std::string("is longer than a record can be"))
                                 : parse_record(line);
    if (record) {
      if (since && record->time < *since) continue;
      ++read.records;
      visit(*record);
    } else if (is_event(line)) {
      ++read.others;
    } else if (++read.damaged == 1) {
      read.first_damage = file.string() + ":" + std::to_string(number) + ": " + record.error();
    }
  }
  if (in.bad()) return tl::unexpected(file.string() + ": cannot be read to its end");
  return read;
}

}  // namespace layergate::records
