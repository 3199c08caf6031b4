#include "auth/password_ages.h"

#include <array>
#include <barrier>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "tests/unit/temp_dir.h"

namespace layergate::auth {
namespace {

using std::chrono::hours;

const char* const kOne = "$2y$10$abcdefghijklmnopqrstuu6AjjKsAnz88wBwbruIdgz/2J5Ceeg52";

std::shared_ptr<const Htpasswd> file(const std::string& text) {
  const auto loaded = Htpasswd::parse(text, "htpasswd");
  REQUIRE(loaded.htpasswd);
  return loaded.htpasswd;
}

std::string line(const std::string& user, char last = '2') {
  std::string hash = kOne;
  hash.back() = last;
  return user + ":" + hash + "\n";
}

}  // namespace

TEST_CASE("password ages: a line is as old as its first sight, whoever writes it") {
  const TempDir dir;
  const auto start = *parse_time("2026-01-01");
  PasswordAges ages(dir.path());
  auto times = ages.note(*file(line("alice") + line("bob")), start);
  CHECK(times["alice"] == start);
  times = ages.note(*file(line("alice") + line("bob")), start + hours(5));
  CHECK(times["alice"] == start);
  // Another process, another line for alice.
  PasswordAges others(dir.path());
  times = others.note(*file(line("alice", '6') + line("bob")), start + hours(9));
  CHECK(times["alice"] == start + hours(9));
  CHECK(times["bob"] == start);
  // An old backup brings its age with it.
  times = ages.note(*file(line("alice")), start + hours(12));
  CHECK(times["alice"] == start);
  CHECK(times.size() == 1);
  CHECK(read_text(dir / "accounts.db").find("$2y$") == std::string::npos);
}

// The service's reload and a call of the API see a new line at the same moment.
TEST_CASE("password ages: who sees a line at once with another is told the same time") {
  const TempDir dir;
  const auto start = *parse_time("2026-01-01");
  PasswordAges ages(dir.path());
  constexpr int kRounds = 50;
  std::barrier round(2);
  std::array<std::vector<WallTime>, 2> told;
  const auto see = [&](std::size_t which) {
    PasswordAges own(dir.path());
    for (int i = 0; i < kRounds; ++i) {
      const auto user = "user" + std::to_string(i);
      const auto htpasswd = file(line(user));
      round.arrive_and_wait();
      told[which].push_back(own.note(*htpasswd, start + hours(which))[user]);
    }
  };
  std::thread other([&] { see(1); });
  see(0);
  other.join();
  CHECK(told[0] == told[1]);
}

TEST_CASE("password ages: what is older than the limit, and when the next will be") {
  const auto now = *parse_time("2026-06-01");
  const PasswordTimes times{{"alice", now - hours(100)}, {"bob", now - hours(30)}, {"eve", now}};
  auto old = old_passwords(times, hours(100), now);
  CHECK(old.accounts == std::vector<std::string>{"alice"});
  CHECK(old.next == now + hours(70));
  old = old_passwords(times, hours(0), now);
  CHECK(old.accounts.empty());
  CHECK(old.next == WallTime::max());
}

TEST_CASE("password ages: a file that is none is told by its name") {
  const TempDir dir;
  write_text(dir / "accounts.db", "this is no database at all, only a text of some length");
  try {
    PasswordAges ages(dir.path());
    FAIL("it was taken");
  } catch (const std::runtime_error& error) {
    CHECK(std::string(error.what()).find("accounts.db") != std::string::npos);
  }
}

}  // namespace layergate::auth
