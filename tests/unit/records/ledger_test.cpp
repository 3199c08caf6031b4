#include "records/ledger.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "records/reader.h"
#include "records/verification.h"
#include "tests/unit/records/rows.h"
#include "tests/unit/temp_dir.h"

namespace layergate::records {
namespace {

std::vector<Row> all(const std::filesystem::path& file) {
  return Reader(file).query({}, 100'000).rows;
}

}  // namespace

TEST_CASE("records: a row is read as it was written") {
  TempDir dir;
  Ledger ledger(dir / "records.db");
  auto odd = pull("alice", "team/a:v1", time_at("2026-06-01T12:00:00.250Z"));
  odd.bytes_in = 7;
  odd.digest = "sha512:" + std::string(128, 'b');
  odd.reference = odd.digest;
  odd.code = "DENIED";
  odd.allowed = false;
  odd.complete = false;
  odd.address = *IpAddress::parse("2001:db8::1");
  odd.detail = std::string("a\0b", 3);
  odd.user_agent = "\xff\n";
  odd.requests = 3;
  auto odder = odd;
  odder.digest = "no digest";
  odder.reference = "another";
  odder.address = *IpAddress::parse("192.0.2.1");
  append(ledger, {odd, odder, Row{}});
  const auto rows = all(dir / "records.db");
  REQUIRE(rows.size() == 3);
  for (const auto& [read, written, id] :
       {std::tuple{rows[1], odder, 2}, std::tuple{rows[0], odd, 1}}) {
    CHECK(read.id == id);
    auto expected = written;
    expected.id = id;
    CHECK(to_json(read).dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) ==
          to_json(expected).dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
    CHECK(read.detail == written.detail);
  }
  CHECK(verify(dir / "records.db").ok());
}

TEST_CASE("records: what a client made up is cut, and the chain is over what is kept") {
  TempDir dir;
  Ledger ledger(dir / "records.db");
  append(ledger,
         {change(pull("alice", "a:b"), [](Row& row) { row.user_agent.assign(5000, 'x'); })});
  CHECK(all(dir / "records.db")[0].user_agent == std::string(300, 'x') + "…");
  CHECK(verify(dir / "records.db").ok());
}

TEST_CASE("records: the file is not for everybody") {
  TempDir dir;
  const Ledger ledger(dir / "records.db");
  for (const auto* name : {"records.db", "records.db-wal", "records.db-shm"}) {
    struct stat info {};
    REQUIRE(::stat((dir / name).c_str(), &info) == 0);
    CHECK((info.st_mode & 0777U) == 0640);
  }
}

TEST_CASE("records: another program's database is left alone") {
  TempDir dir;
  const auto file = dir / "records.db";
  SQLite::Database(file.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE)
      .exec("CREATE TABLE theirs(x)");
  CHECK_THROWS_WITH_AS(Ledger{file}, doctest::Contains("no database of Layergate"),
                       std::runtime_error);
  write_text(dir / "text", "not a database, but long enough to be taken for one");
  CHECK_THROWS_WITH_AS(Ledger{dir / "text"}, doctest::Contains("move it away"), std::runtime_error);
}

TEST_CASE("records: several writers at once make one chain") {
  TempDir dir;
  const auto file = dir / "records.db";
  { const Ledger first(file); }
  constexpr int kWriters = 4;
  constexpr int kEach = 50;
  std::vector<std::thread> writers;
  for (int w = 0; w < kWriters; ++w) {
    writers.emplace_back([&, w] {
      Ledger ledger(file);
      for (int i = 0; i < kEach; ++i) append(ledger, {pull("user" + std::to_string(w), "a:b")});
    });
  }
  for (auto& writer : writers) writer.join();
  const auto verified = verify(file);
  CHECK(verified.wrong == "");
  CHECK(verified.last == kWriters * kEach);
  Filter of_one;
  of_one.user = "user2";
  CHECK(Reader(file).query(of_one, 1000).rows.size() == kEach);
}

TEST_CASE("records: what was appended is there after kill -9, and nothing is half there") {
  TempDir dir;
  const auto file = dir / "records.db";
  { const Ledger first(file); }
  int told[2];
  REQUIRE(::pipe(told) == 0);
  const auto child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    Ledger ledger(file);
    while (true) {
      append(ledger, {pull("alice", "a:b"), pull("bob", "a:b")});
      const char one = 1;
      if (::write(told[1], &one, 1) != 1) ::_exit(1);
    }
  }
  ::close(told[1]);
  char one = 0;
  for (int i = 0; i < 20; ++i) REQUIRE(::read(told[0], &one, 1) == 1);
  ::kill(child, SIGKILL);
  int commits = 20;
  while (::read(told[0], &one, 1) == 1) ++commits;
  ::close(told[0]);
  ::waitpid(child, nullptr, 0);
  const auto verified = verify(file);
  CHECK(verified.wrong == "");
  CHECK(verified.last >= 2 * commits);
  CHECK(verified.last % 2 == 0);
}

TEST_CASE("records: a transaction that fails leaves nothing behind, and the next one works") {
  TempDir dir;
  const auto file = dir / "records.db";
  Ledger ledger(file);
  append(ledger, {pull("alice", "a:b")});
  tamper(file,
         "CREATE TRIGGER full BEFORE INSERT ON records WHEN new.bytes_in = 13 BEGIN "
         "SELECT RAISE(ABORT, 'no room'); END");
  std::vector<Row> rows{pull("new", "new:tag"),
                        change(pull("bob", "a:b"), [](Row& row) { row.bytes_in = 13; })};
  CHECK_THROWS(ledger.append(rows));
  CHECK(all(file).size() == 1);
  CHECK(Reader(file).daily({}, {}).size() == 1);
  rows.pop_back();
  ledger.append(rows);
  CHECK(all(file)[0].user == "new");
  CHECK(all(file)[0].id == 2);
  CHECK(verify(file).ok());
  CHECK(Reader(file).daily({}, {})[0].requests == 2);
}

}  // namespace layergate::records
