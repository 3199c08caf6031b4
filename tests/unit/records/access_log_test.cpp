#include "records/access_log.h"

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
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
  const auto file = dir / "access.log";
  constexpr std::size_t kLine = 60'000;
  {
    AccessLog log(file);
    for (std::size_t size = 0; size < (63U << 20U); size += kLine) {
      log.write(record_of("alice", kLine));
    }
    // Whatever else is open stays so.
    rlimit files{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &files) == 0);
    const rlimit none{0, files.rlim_max};
    REQUIRE(comes_true([&] { return std::filesystem::file_size(file) > (62U << 20U); }));
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
    for (int i = 0; i < 50; ++i) log.write(record_of("lost", kLine));
    const bool is_gone = comes_true([&] { return !std::filesystem::exists(file); });
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    ::setrlimit(RLIMIT_NOFILE, &files);
    REQUIRE(is_gone);
    log.write(record_of("last"));
  }
  CHECK(text_of(file).find("\"last\"") != std::string::npos);
  CHECK(std::filesystem::exists(dir / "access.1.log"));
}

}  // namespace layergate::records
