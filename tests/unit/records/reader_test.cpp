#include "records/reader.h"

#include <doctest/doctest.h>

#include "tests/unit/records/rows.h"
#include "tests/unit/temp_dir.h"

namespace layergate::records {
namespace {

std::string ids(const std::vector<Row>& rows) {
  std::string text;
  for (const auto& row : rows) text += std::to_string(row.id) + " ";
  return text;
}

}  // namespace

TEST_CASE("reader: each part of a filter, alone and together") {
  TempDir dir;
  const auto file = dir / "records.db";
  Ledger ledger(file);
  const auto day = [](int number) {
    return time_at("2026-06-01") + std::chrono::days{number} + std::chrono::hours{1};
  };
  append(
      ledger,
      {
          pull("alice", "team/a:v1", day(0)),                                                 // 1
          pull("bob", "team/a:v2", day(0)),                                                   // 2
          change(pull("alice", "team/b:v1", day(1)), [](Row& row) { row.action = "push"; }),  // 3
          change(pull("alice", "team/a:v1", day(1)), [](Row& row) { row.allowed = false; }),  // 4
          change(pull("bob", "team/a:v1", day(2)),
                 [](Row& row) { row.address = *IpAddress::parse("198.51.100.9"); }),  // 5
          change(pull("bob", "team/b:v1", day(2)),
                 [](Row& row) { row.action = "account.add"; }),  // 6
      });
  const auto found = [&](const std::function<void(Filter&)>& edit) {
    Filter filter;
    edit(filter);
    return ids(Reader(file).query(filter, 100).rows);
  };
  CHECK(found([](Filter&) {}) == "6 5 4 3 2 1 ");
  CHECK(found([](Filter& f) { f.user = "alice"; }) == "4 3 1 ");
  CHECK(found([](Filter& f) { f.user = "nobody"; }) == "");
  CHECK(found([](Filter& f) { f.repository = "team/a"; }) == "5 4 2 1 ");
  CHECK(found([](Filter& f) { f.repository = "team/a", f.tag = "v1"; }) == "5 4 1 ");
  CHECK(found([](Filter& f) { f.tag = "v2"; }) == "2 ");
  CHECK(found([](Filter& f) { f.action = "pull"; }) == "5 4 2 1 ");
  CHECK(found([](Filter& f) { f.action = "push"; }) == "3 ");
  CHECK(found([](Filter& f) { f.action = "account.add"; }) == "6 ");
  CHECK(found([](Filter& f) { f.allowed = false; }) == "4 ");
  CHECK(found([](Filter& f) { f.allowed = true, f.user = "alice"; }) == "3 1 ");
  CHECK(found([](Filter& f) { f.address = IpAddress::parse("198.51.100.9"); }) == "5 ");
  CHECK(found([](Filter& f) { f.network = IpNetwork::parse("192.0.2.0/24"); }) == "6 4 3 2 1 ");
  CHECK(found([&](Filter& f) { f.since = day(1); }) == "6 5 4 3 ");
  CHECK(found([&](Filter& f) { f.until = day(1); }) == "2 1 ");
  CHECK(found([&](Filter& f) { f.user = "alice", f.since = day(0), f.until = day(1); }) == "1 ");
}

TEST_CASE("reader: pages hold every row once, also those of one instant and while others come") {
  TempDir dir;
  const auto file = dir / "records.db";
  Ledger ledger(file);
  const auto at = time_at("2026-06-01");
  for (int i = 0; i < 25; ++i) {
    append(ledger, {pull(i % 2 == 0 ? "alice" : "bob", "a:b", at + std::chrono::seconds{i / 10})});
  }
  for (const bool of_one : {false, true}) {
    CAPTURE(of_one);
    Filter filter;
    if (of_one) filter.user = "alice";
    filter.until = at + std::chrono::hours{1};
    std::vector<std::int64_t> seen;
    std::optional<Cursor> next;
    do {
      const auto page = Reader(file).query(filter, 4, next);
      CHECK(page.rows.size() <= 4);
      for (const auto& row : page.rows) seen.push_back(row.id);
      next = page.next;
      if (next) next = Cursor::parse(next->to_string());
      append(ledger, {pull("alice", "a:b", at + std::chrono::minutes{5})});  // newer: on no page
    } while (next);
    REQUIRE(seen.size() == (of_one ? 13 : 25));
    for (std::size_t i = 1; i < seen.size(); ++i) CHECK(seen[i] < seen[i - 1]);
    tamper(file, "DELETE FROM records WHERE id > 25");
  }
}

TEST_CASE("reader: a cursor is two numbers") {
  CHECK(Cursor::parse("1780272000000.5"));
  for (const auto* text : {"", ".", "1", "1.", ".1", "1.x", "1.2.3", "1,2", " 1.2"}) {
    CAPTURE(text);
    CHECK_FALSE(Cursor::parse(text));
  }
}

TEST_CASE("reader: daily sums by what is asked for") {
  TempDir dir;
  const auto file = dir / "records.db";
  Ledger ledger(file);
  const auto first = time_at("2026-06-01T23:59:59.999Z");
  const auto second = time_at("2026-06-02T00:00:00Z");
  append(ledger, {pull("alice", "a:1", first), pull("alice", "b:1", first)});
  append(ledger, {pull("bob", "a:1", first), pull("alice", "a:1", second)});
  append(ledger, {change(pull("claimed", "secret:1", second), [](Row& row) {
           row.verified = row.allowed = false;
           row.requests = 5;
           row.bytes_out = 0;
         })});
  const auto sums = [&](const Filter& filter, const Grouping& by) {
    std::string text;
    for (const auto& sum : Reader(file).daily(filter, by)) {
      text += sum.day.substr(8) + "|" + sum.user + "|" + sum.repository + "|" + sum.action + "|" +
              (sum.allowed ? "+" : "-") + "|" + std::to_string(sum.requests) + "|" +
              std::to_string(sum.bytes) + "\n";
    }
    return text;
  };
  CHECK(sums({}, {}) == "01||||-|3|3000\n02||||-|6|1000\n");
  // Whoever only claims to be somebody has no line of his own.
  CHECK(sums({}, {true, false, false, true}) ==
        "01|alice|||+|2|2000\n01|bob|||+|1|1000\n02||||-|5|0\n02|alice|||+|1|1000\n");
  Filter filter;
  filter.user = "alice";
  filter.since = time_at("2026-06-01");
  filter.until = second;
  CHECK(sums(filter, {true, true, true, true}) ==
        "01|alice|a|pull|+|1|1000\n01|alice|b|pull|+|1|1000\n");
  filter.user = "claimed";
  CHECK(sums(filter, {}) == "");
}

TEST_CASE("reader: no file is an error that says so") {
  TempDir dir;
  CHECK_THROWS_WITH_AS(Reader{dir / "none.db"}, doctest::Contains("none.db"), std::runtime_error);
}

}  // namespace layergate::records
