#include "records/retention.h"

#include <doctest/doctest.h>

#include "records/reader.h"
#include "records/verification.h"
#include "tests/unit/records/rows.h"
#include "tests/unit/temp_dir.h"

namespace layergate::records {
namespace {

constexpr std::chrono::days kKept{90};

// Until there is nothing left, looking at the chain after each step.
int run(Retention& retention, const std::filesystem::path& file, WallTime now) {
  int steps = 0;
  while (retention.step(now)) {
    ++steps;
    REQUIRE(steps < 1000);
    REQUIRE(verify(file).wrong == "");
  }
  return steps;
}

}  // namespace

TEST_CASE("retention: what is older goes, and the chain holds after every step") {
  TempDir dir;
  const auto file = dir / "records.db";
  Ledger ledger(file);
  const auto now = time_at("2026-09-01T12:00:00Z");
  std::vector<Row> rows;
  for (int i = 0; i < 1234; ++i)
    rows.push_back(pull("old", "a:b", now - kKept - std::chrono::hours{2}));
  for (int i = 0; i < 10; ++i)
    rows.push_back(pull("new", "a:b", now - kKept + std::chrono::hours{1}));
  ledger.append(rows);
  Retention retention(ledger, kKept);
  CHECK(run(retention, file, now) > 3);
  const auto left = Reader(file).query({}, 10'000).rows;
  REQUIRE(left.size() == 11);
  CHECK(left.back().id == 1235);
  CHECK(left.front().action == "records.remove");
  CHECK(left.front().reference == "1234");
  CHECK(verify(file).first == 1235);
  CHECK(Reader(file).daily({}, {}).front().day == "2026-06-03");
  // Another round a little later, over what the first one announced.
  CHECK(run(retention, file, now + std::chrono::days{1}) > 0);
  CHECK(Reader(file).query({}, 100).rows.size() == 2);
  CHECK(run(retention, file, now + std::chrono::days{1}) == 0);
  tamper(file, "UPDATE records SET status = 1 WHERE id = (SELECT max(id) FROM records)");
  CHECK_FALSE(verify(file).ok());
}

TEST_CASE("retention: nothing is removed before its time, whatever the clock did") {
  TempDir dir;
  const auto file = dir / "records.db";
  Ledger ledger(file);
  const auto now = time_at("2026-09-01");
  append(ledger, {pull("a", "a:b", now - kKept), pull("b", "a:b", time_at("1970-01-01")),
                  pull("c", "a:b", now - kKept - std::chrono::days{1}), pull("d", "a:b", now)});
  Retention retention(ledger, kKept);
  run(retention, file, now);
  CHECK(Reader(file).query({}, 100).rows.size() == 4);
  // A clock that was ahead does not keep what is behind it for ever.
  append(ledger, {pull("e", "a:b", time_at("2099-01-01")), pull("f", "a:b", now)});
  const auto later = now + kKept + std::chrono::hours{1};
  run(retention, file, later);
  Filter filter;
  filter.repository = "a";
  CHECK(Reader(file).query(filter, 100).rows.empty());
  CHECK(verify(file).ok());
}

TEST_CASE("retention: texts that no row has any more go too, and are made anew when they return") {
  TempDir dir;
  const auto file = dir / "records.db";
  Ledger ledger(file);
  const auto now = time_at("2026-09-01");
  append(ledger, {pull("once", "a:b", now - kKept - std::chrono::days{1})});
  std::vector<Row> rows(kTextSlack + 2, pull("often", "a:b", now - kKept - std::chrono::days{1}));
  ledger.append(rows);
  append(ledger, {pull("today", "a:b", now)});
  Retention retention(ledger, kKept);
  while (retention.step(now)) {
  }
  auto database = open_database(file, sqlite::Mode::read);
  CHECK(find_text(database, "once") == -1);
  CHECK(find_text(database, "often") > 0);
  CHECK(find_text(database, "today") > 0);
  append(ledger, {pull("once", "a:b", now)});
  CHECK(Reader(file).query({}, 1).rows[0].user == "once");
  CHECK(verify(file).ok());
}

TEST_CASE("retention: does not go over a row that somebody removed") {
  TempDir dir;
  const auto file = dir / "records.db";
  Ledger ledger(file);
  const auto now = time_at("2026-09-01");
  std::vector<Row> rows(600, pull("a", "a:b", now - kKept - std::chrono::days{1}));
  ledger.append(rows);
  tamper(file, "DELETE FROM records WHERE id = 500");
  Retention retention(ledger, kKept);
  CHECK(retention.step(now));  // announces it
  CHECK_THROWS_WITH(retention.step(now), doctest::Contains("audit verify"));
}

}  // namespace layergate::records
