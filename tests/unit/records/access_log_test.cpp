#include "records/access_log.h"

#include <fcntl.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <system_error>
#include <thread>

#include <doctest/doctest.h>

#include "tests/unit/temp_dir.h"

namespace layergate::records {
namespace {

AccessRecord record_of(const std::string& user, std::size_t size = 0) {
  AccessRecord record;
  record.user = user;
  record.verified = true;
  record.rule = std::string(size, 'x');
  return record;
}

std::string text_of(const std::filesystem::path& file) {
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

template <typename Condition>
bool comes_true(Condition condition) {
  for (int i = 0; i < 1000 && !condition(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return condition();
}

// By this process.
bool is_open(const std::filesystem::path& file) {
  const std::filesystem::directory_iterator open("/proc/self/fd");
  return std::any_of(begin(open), end(open), [&](const auto& each) {
    std::error_code ended;
    return std::filesystem::read_symlink(each.path(), ended) == file;
  });
}

// In one step: in between the log would make the directory anew.
void exchange(const std::filesystem::path& one, const std::filesystem::path& other) {
  REQUIRE(::renameat2(AT_FDCWD, one.c_str(), AT_FDCWD, other.c_str(), RENAME_EXCHANGE) == 0);
}

}  // namespace

TEST_CASE("access log: lines come within a second, and all of them at the end") {
  const TempDir dir;
  const auto file = dir / "access.log";
  {
    AccessLog log(file);
    CHECK(log.write(record_of("first")));
    CHECK(comes_true([&] { return text_of(file).find("\"first\"") != std::string::npos; }));
    CHECK(log.write(record_of("second")));
  }
  const auto text = text_of(file);
  CHECK(text.find("\"second\"") != std::string::npos);
  CHECK(std::count(text.begin(), text.end(), '\n') == 2);
}

TEST_CASE("access log: it goes on when the next file could not be opened") {
  const TempDir dir;
  const auto state = dir / "state";
  const auto moved = dir / "moved";
  const auto file = state / "access.log";
  constexpr std::size_t kLine = 60'000;
  std::filesystem::create_directory(state);
  write_text(moved, "");
  {
    AccessLog log(file);
    for (std::size_t size = 0; size < (63U << 20U); size += kLine) {
      log.write(record_of("alice", kLine));
    }
    REQUIRE(comes_true([&] { return std::filesystem::file_size(file) > (62U << 20U); }));
    // Below a file nothing can be opened. (Not by a limit of open files: UBSan needs some itself.)
    exchange(state, moved);
    for (int i = 0; i < 50; ++i) log.write(record_of("lost", kLine));
    REQUIRE(comes_true([&] { return !is_open(moved / "access.log"); }));
    exchange(state, moved);
    for (int i = 0; i < 50; ++i) log.write(record_of("bob", kLine));  // into the next file
    log.write(record_of("last"));
  }
  CHECK(text_of(file).find("\"last\"") != std::string::npos);
  CHECK(text_of(dir / "state/access.1.log").find("\"alice\"") != std::string::npos);
}

}  // namespace layergate::records
