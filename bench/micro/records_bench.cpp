// What the access records cost.
//
//   records_bench fill DIR ROWS   makes DIR/records.db with so many rows of 90 days
//   records_bench query DIR       by user and day: 200 of them at random, 100 rows each; and more
//   records_bench verify DIR
//   records_bench hand-over DIR   what a loop loses to one row, and rows a second through the
//                                 recorder, on an empty file and on DIR's
//
// Cold: drop the page cache before (echo 3 > /proc/sys/vm/drop_caches) and run `query` anew; the
// first query of each kind is told apart.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "records/ledger.h"
#include "records/reader.h"
#include "records/recorder.h"
#include "records/verification.h"

namespace {

using namespace layergate;
using namespace layergate::records;
using Clock = std::chrono::steady_clock;

constexpr int kUsers = 500;
constexpr int kRepositories = 200;
constexpr int kDays = 90;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

WallTime first_day() {
  return std::chrono::floor<std::chrono::days>(wall_now()) - std::chrono::days{kDays - 1};
}

std::string user_name(std::size_t number) { return "user" + std::to_string(number); }

// Few accounts make most requests, as in a team with a CI.
Row make_row(std::mt19937_64& random, WallTime at) {
  constexpr const char* kHex = "0123456789abcdef";
  Row row;
  row.at = at;
  const auto hexadecimal = [&](std::size_t digits) {
    std::string text;
    for (std::size_t i = 0; i < digits; ++i) text += kHex[random() % 16];
    return text;
  };
  row.trace = hexadecimal(16);
  const auto user = std::min(random() % kUsers, random() % kUsers);
  row.user = user_name(user);
  row.verified = true;
  row.address = IpAddress::from_bytes(
      {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, static_cast<std::uint8_t>(user % 16),
       static_cast<std::uint8_t>(user / 16), static_cast<std::uint8_t>(random() % 8)});
  row.method = "GET";
  row.action = random() % 50 == 0 ? "push" : "pull";
  const auto repository = random() % kRepositories;
  row.repository = "models/telechat-" + std::to_string(repository);
  row.tag = "7b-fp16-v" + std::to_string(random() % 20);
  row.digest =
      "sha256:" + hexadecimal(16) + std::string(48, static_cast<char>('0' + repository % 10));
  row.reference = random() % 3 == 0 ? row.tag : row.digest;
  row.allowed = random() % 40 != 0;
  row.status = row.allowed ? 200 : 403;
  row.bytes_out = static_cast<std::int64_t>(random() % (1U << 30U));
  row.microseconds = static_cast<std::int64_t>(random() % 5'000'000);
  row.reason = row.allowed ? "allowed" : "denied";
  row.rule = "team " + std::to_string(repository % 30) + " (acl.yml:12)";
  row.user_agent = "docker/24.0.7 go/go1.20.10 git-commit/311b9ff kernel/6.1.0 os/linux arch/amd64";
  return row;
}

AccessRecord as_record(const Row& row) {
  AccessRecord record;
  record.trace = row.trace;
  record.user = row.user;
  record.address = row.address;
  record.method = row.method;
  record.action = row.action;
  record.repository = row.repository;
  record.reference = row.reference;
  record.digest = row.digest;
  record.tag = row.tag;
  record.status = static_cast<int>(row.status);
  record.bytes_out = static_cast<std::uint64_t>(row.bytes_out);
  record.seconds = 0.01;
  record.verified = true;
  record.allowed = row.allowed;
  record.reason = row.reason;
  record.rule = row.rule;
  record.user_agent = row.user_agent;
  return record;
}

int fill(const std::filesystem::path& directory, std::int64_t count) {
  std::filesystem::create_directories(directory);
  Ledger ledger(database_in(directory));
  std::mt19937_64 random(1);
  const auto first = first_day();
  const auto start = Clock::now();
  auto told = start;
  constexpr std::int64_t kBatch =
      131'072;  // the recorder takes 4096: this is only to be done sooner
  std::vector<Row> rows;
  std::int64_t in_last = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::chrono::milliseconds into{static_cast<std::int64_t>(
        86'400'000.0 * kDays * static_cast<double>(i) / static_cast<double>(count))};
    rows.push_back(make_row(random, first + into));
    if (rows.size() < kBatch && i + 1 < count) continue;
    ledger.append(rows);
    rows.clear();
    if (seconds_since(told) > 30) {
      std::fprintf(stderr, "%lld rows, %.0f a second\n", static_cast<long long>(i + 1),
                   static_cast<double>(i + 1 - in_last) / seconds_since(told));
      told = Clock::now();
      in_last = i + 1;
    }
  }
  const auto taken = seconds_since(start);
  std::error_code ignored;
  std::printf(
      "| rows | seconds | rows/s (with making them up) | file, GiB |\n| --- | --- | --- | --- |\n");
  std::printf("| %lld | %.0f | %.0f | %.2f |\n", static_cast<long long>(count), taken,
              static_cast<double>(count) / taken,
              static_cast<double>(std::filesystem::file_size(database_in(directory), ignored)) /
                  (1U << 30U));
  return 0;
}

void tell(const char* what, std::vector<double> seconds) {
  const double first = seconds.front();
  std::sort(seconds.begin(), seconds.end());
  std::printf("| %s | %.2f | %.2f | %.2f | %.2f |\n", what, first * 1e3,
              seconds[seconds.size() / 2] * 1e3, seconds[seconds.size() * 99 / 100] * 1e3,
              seconds.back() * 1e3);
}

int query(const std::filesystem::path& directory) {
  const auto file = database_in(directory);
  std::mt19937_64 random(2);
  std::vector<double> pages;
  std::vector<double> sums;
  std::vector<double> denied;
  std::size_t rows = 0;
  const auto first = first_day();
  for (int i = 0; i < 200; ++i) {
    Filter filter;
    filter.user = user_name(random() % kUsers);
    filter.since = first + std::chrono::days{static_cast<int>(random() % kDays)};
    filter.until = *filter.since + std::chrono::days{1};
    auto start = Clock::now();
    rows += Reader(file).query(filter, 100).rows.size();
    pages.push_back(seconds_since(start));
    Filter all_days;
    all_days.user = filter.user;
    start = Clock::now();
    if (Reader(file).daily(all_days, {false, false, true, false}).empty()) return 1;
    sums.push_back(seconds_since(start));
    filter.user.reset();
    filter.allowed = false;
    start = Clock::now();
    rows += Reader(file).query(filter, 100).rows.size();
    denied.push_back(seconds_since(start));
  }
  std::printf("| ms | first | median | 99 %% | most |\n| --- | --- | --- | --- | --- |\n");
  tell("a user's day, 100 rows", pages);
  tell("what was denied on a day, 100 rows", denied);
  tell("a user's 90 daily sums", sums);
  return rows > 0 ? 0 : 1;
}

void through_recorder(const char* what, const std::filesystem::path& directory) {
  config::Config config;
  config.state = directory;
  config.records.retention = std::chrono::days{10'000};
  std::mt19937_64 random(3);
  constexpr std::size_t kRows = 50'000;
  std::vector<AccessRecord> records;
  for (std::size_t i = 0; i < kRows; ++i)
    records.push_back(as_record(make_row(random, wall_now())));
  std::vector<double> each;
  each.reserve(kRows);
  Recorder recorder(config);
  recorder.start();
  const auto start = Clock::now();
  for (auto& record : records) {
    const auto before = Clock::now();
    recorder.record(row_of(std::move(record)));
    each.push_back(seconds_since(before));
  }
  const auto handed_over = seconds_since(start);
  while (recorder.status().written < kRows)
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
  const auto written = seconds_since(start);
  std::sort(each.begin(), each.end());
  std::printf("| %s | %.0f | %.0f | %.0f | %.0f | %.0f |\n", what, each[kRows / 2] * 1e9,
              each[kRows * 99 / 100] * 1e9, each.back() * 1e9,
              handed_over * 1e9 / static_cast<double>(kRows), static_cast<double>(kRows) / written);
  std::vector<double> durable;
  for (int i = 0; i < 200; ++i) {
    const auto before = Clock::now();
    if (!recorder.record_now(make_row(random, wall_now()))) std::abort();
    durable.push_back(seconds_since(before));
  }
  std::sort(durable.begin(), durable.end());
  std::printf("| %s, durable one by one | %.0f | %.0f | %.0f | | %.0f |\n", what,
              durable[100] * 1e9, durable[198] * 1e9, durable.back() * 1e9, 1 / durable[100]);
}

int hand_over(const std::filesystem::path& directory) {
  const auto empty = directory / "empty";
  std::filesystem::remove_all(empty);
  std::filesystem::create_directories(empty);
  std::printf(
      "| ns for the loop | median | 99 %% | most | mean | rows/s to the disk |\n"
      "| --- | --- | --- | --- | --- | --- |\n");
  through_recorder("an empty file", empty);
  std::filesystem::remove_all(empty);
  through_recorder("the file", directory);
  return 0;
}

int check(const std::filesystem::path& directory) {
  const auto start = Clock::now();
  const auto found = verify(database_in(directory));
  std::printf("verify: %lld rows in %.1f s: %s\n", static_cast<long long>(found.last),
              seconds_since(start), found.ok() ? "the chain holds" : found.wrong.c_str());
  return found.ok() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string verb = argc > 2 ? argv[1] : "";
  if (verb == "fill" && argc == 4) return fill(argv[2], std::atoll(argv[3]));
  if (verb == "query") return query(argv[2]);
  if (verb == "hand-over") return hand_over(argv[2]);
  if (verb == "verify") return check(argv[2]);
  std::fprintf(stderr, "records_bench fill DIR ROWS | query DIR | hand-over DIR | verify DIR\n");
  return 2;
}
