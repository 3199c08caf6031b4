#include "records/past_records.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>
#include <system_error>

#include <nlohmann/json.hpp>

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

std::vector<std::filesystem::path> rotated_files(const std::filesystem::path& file) {
  std::vector<std::filesystem::path> files;
  std::error_code ignored;
  for (int number = 0;; ++number) {
    auto name = file;
    if (number > 0) {
      name.replace_filename(file.stem().string() + "." + std::to_string(number) +
                            file.extension().string());
    }
    if (!std::filesystem::exists(name, ignored)) {
      if (number > 0) return files;
    } else {
      files.push_back(std::move(name));
    }
  }
}

tl::expected<LinesRead, std::string> read_records(
    const std::filesystem::path& file, const std::function<void(const AccessRecord&)>& visit) {
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
  LinesRead read;
  std::string line;
  bool too_long = false;
  for (std::uint64_t number = 1; next_line(in, line, too_long); ++number) {
    if (line.empty()) continue;
    const auto record = too_long ? tl::unexpected(std::string("is longer than a record can be"))
                                 : parse_record(line);
    if (record) {
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
