#include "records/waiting_rows.h"

#include <doctest/doctest.h>

#include "tests/unit/records/rows.h"

namespace layergate::records {
namespace {

constexpr WaitingRows::Limits kSmall{10, 4};

std::vector<std::string> tags_of(const std::vector<Row>& rows) {
  std::vector<std::string> tags;
  for (const auto& row : rows) tags.push_back(row.tag + "x" + std::to_string(row.requests));
  return tags;
}

WaitingRows with(const std::vector<std::string>& tags) {
  WaitingRows waiting(kSmall);
  for (const auto& tag : tags) CHECK(waiting.push(pull("alice", "a:" + tag)));
  return waiting;
}

using Tags = std::vector<std::string>;

}  // namespace

TEST_CASE("waiting rows: few are taken as they came") {
  auto waiting = with({"1", "1", "2"});
  CHECK(waiting.size() == 3);
  CHECK(tags_of(waiting.take(2)) == Tags{"1x1", "1x1"});
  CHECK(tags_of(waiting.take(9)) == Tags{"2x1"});
  CHECK(waiting.take(9).empty());
  CHECK(waiting.empty());
}

TEST_CASE("waiting rows: of many, equal ones become one, in the place of the first") {
  auto waiting = with({"1", "1", "1", "1", "1", "2", "1", "2", "1"});
  CHECK(tags_of(waiting.take(9)) == Tags{"1x1", "1x1", "1x1", "1x1", "1x3", "2x2"});
}

TEST_CASE("waiting rows: what was taken is not merged into any more") {
  auto waiting = with({"0", "0", "0", "0", "1", "2"});
  CHECK(tags_of(waiting.take(5)) == Tags{"0x1", "0x1", "0x1", "0x1", "1x1"});
  for (int i = 0; i < 4; ++i) waiting.push(pull("alice", "a:3"));
  waiting.push(pull("alice", "a:1"));
  waiting.push(pull("alice", "a:2"));
  CHECK(tags_of(waiting.take(9)) == Tags{"2x2", "3x1", "3x1", "3x1", "3x1", "1x1"});
}

TEST_CASE("waiting rows: a merged row has the sums and the last time") {
  auto waiting = with({"0", "0", "0", "0"});
  const auto first = pull("alice", "a:1", time_at("2027-01-01T00:00:00Z"));
  waiting.push(first);
  waiting.push(change(first, [](Row& row) {
    row.at = time_at("2027-01-01T00:00:01Z");
    row.bytes_in = 7;
    row.requests = 3;
    row.trace = "other";
  }));
  const auto row = waiting.take(9).back();
  CHECK(row.requests == 4);
  CHECK(row.at == time_at("2027-01-01T00:00:01Z"));
  CHECK(row.bytes_in == 7);
  CHECK(row.bytes_out == 2 * first.bytes_out);
  CHECK(row.microseconds == 2 * first.microseconds);
  CHECK(row.trace == first.trace);
}

TEST_CASE("waiting rows: one row is one minute at most, however long the disk fails") {
  auto waiting = with({"0", "0", "0", "0"});
  for (const auto* at : {"2027-01-01T00:00:00Z", "2027-01-01T00:00:40Z", "2027-01-01T00:01:20Z",
                         "2027-01-01T00:01:30Z"}) {
    waiting.push(pull("alice", "a:1", time_at(at)));
  }
  const auto rows = waiting.take(9);
  REQUIRE(rows.size() == 6);
  CHECK(rows[4].requests == 2);
  CHECK(rows[4].at == time_at("2027-01-01T00:00:40Z"));
  CHECK(rows[5].requests == 2);
}

TEST_CASE("waiting rows: whatever differs is told apart") {
  const auto row = pull("alice", "a:1");
  for (const auto& other :
       {pull("bob", "a:1"), pull("alice", "b:1"), pull("alice", "a:2"),
        change(row, [](Row& r) { r.address = *IpAddress::parse("192.0.2.8"); }),
        change(row, [](Row& r) { r.method = "HEAD"; }),
        change(row, [](Row& r) { r.action = "push"; }),
        change(row, [](Row& r) { r.reference = "sha256:1"; }),
        change(row, [](Row& r) { r.digest = "sha256:2"; }),
        change(row, [](Row& r) { r.status = 304; }), change(row, [](Row& r) { r.code = "DENIED"; }),
        change(row, [](Row& r) { r.verified = false; }),
        change(row, [](Row& r) { r.allowed = false; }),
        change(row, [](Row& r) { r.complete = false; }),
        change(row, [](Row& r) { r.reason = "other"; }),
        change(row, [](Row& r) { r.rule = "other"; }),
        change(row, [](Row& r) { r.user_agent = "other"; }),
        change(row, [](Row& r) { r.detail = "other"; })}) {
    auto waiting = with({"0", "0", "0", "0"});
    waiting.push(row);
    waiting.push(other);
    waiting.push(other);
    const auto rows = waiting.take(9);
    REQUIRE(rows.size() == 6);
    CHECK(rows[4].requests == 1);
    CHECK(rows[5].requests == 2);
  }
}

TEST_CASE("waiting rows: what finds no room is turned away, and equal ones still find it") {
  auto waiting = with({"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"});
  CHECK_FALSE(waiting.push(pull("alice", "a:10")));
  CHECK_FALSE(waiting.push(pull("alice", "a:0")));  // the first four are not merged into
  CHECK(waiting.push(pull("alice", "a:9")));
  CHECK(waiting.size() == 10);
  CHECK(waiting.take(10).back().requests == 2);
}

TEST_CASE("waiting rows: what could not be written goes before the others, up to twice as many") {
  auto waiting = with({"0", "1", "2", "3", "4", "4"});
  CHECK(waiting.put_back({pull("alice", "a:a"), pull("alice", "a:b")}) == 0);
  CHECK(waiting.push(pull("alice", "a:4")));
  CHECK(tags_of(waiting.take(99)) == Tags{"ax1", "bx1", "0x1", "1x1", "2x1", "3x1", "4x3"});

  auto full = with({"0", "1", "2", "3", "4", "4"});
  std::vector<Row> back(18, pull("alice", "a:x"));
  CHECK(full.put_back(back) == 4);  // 2, 3, and the two 4
  CHECK(full.size() == 20);
  CHECK_FALSE(full.push(pull("alice", "a:4")));
}

}  // namespace layergate::records
