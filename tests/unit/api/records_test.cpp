#include <doctest/doctest.h>

#include "api/recording.h"
#include "api/service.h"
#include "records/reader.h"
#include "records/verification.h"
#include "tests/unit/records/rows.h"
#include "tests/unit/temp_dir.h"

namespace layergate::api {
namespace {

class Gate {
 public:
  Gate() {
    config.state = dir_ / "state";
    config.acl = dir_ / "acl.yml";
    write_text(config.acl, "version: 1\nusers:\n  alice: {permissions: [pull]}\n");
  }

  void write(std::vector<records::Row> rows) {
    std::filesystem::create_directories(config.state);
    records::Ledger ledger(file());
    ledger.append(rows);
  }
  Reply get(std::vector<std::string> path, const Caller& caller,
            std::vector<std::pair<std::string, std::string>> query = {}) {
    Call call;
    call.path = std::move(path);
    call.query = std::move(query);
    call.caller = caller;
    return Service({config, {}, nullptr, {}}).handle(call);
  }
  [[nodiscard]] std::filesystem::path file() const { return records::database_in(config.state); }

 private:
  TempDir dir_;

 public:
  config::Config config;
};

const Caller kAlice{"alice", false, {}};
const auto kOperator = Caller::operator_here();

Change grant() {
  return {"root", *IpAddress::parse("192.0.2.1"), "access.grant", "telechat:7b alice", "", true,
          ""};
}

}  // namespace

TEST_CASE("api records: before there are any, lists are empty, and nothing is called in order") {
  Gate gate;
  CHECK(gate.get({"records"}, kOperator).body == Json{{"items", Json::array()}, {"next", nullptr}});
  CHECK(gate.get({"records", "daily"}, kOperator).body["items"].empty());
  CHECK(gate.get({"records", "verify"}, kOperator).status == 404);
}

TEST_CASE("api records: an account sees its own, an administrator all") {
  Gate gate;
  gate.write({records::pull("alice", "a:1"), records::pull("bob", "a:1")});
  CHECK(gate.get({"records"}, kOperator).body["items"].size() == 2);
  const auto own = gate.get({"records"}, kAlice);
  REQUIRE(own.body["items"].size() == 1);
  CHECK(own.body["items"][0]["user"] == "alice");
  CHECK(gate.get({"records"}, kAlice, {{"user", "alice"}}).status == 200);
  CHECK(gate.get({"records"}, kAlice, {{"user", "bob"}}).status == 400);
  const auto sums = gate.get({"records", "daily"}, kAlice, {{"by", "user"}});
  REQUIRE(sums.body["items"].size() == 1);
  CHECK(sums.body["items"][0]["user"] == "alice");
  CHECK(gate.get({"records", "daily"}, kAlice, {{"user", "bob"}}).status == 400);
  CHECK(gate.get({"records", "anomalies"}, kAlice).status == 403);
  CHECK(gate.get({"records", "verify"}, kAlice).status == 403);
}

TEST_CASE("api records: what another of its name did before is not an account's own") {
  Gate gate;
  const auto made = wall_now() - std::chrono::hours(72);
  write_text(gate.config.acl, "version: 1\nusers:\n  alice: {permissions: [pull], since: " +
                                  format_time(made) + "}\n");
  auto hers = records::pull("alice", "a:1");
  auto other = hers;
  other.at = made - std::chrono::milliseconds(1);
  hers.at = made;
  auto later = hers;
  later.at = made + std::chrono::hours(24);
  gate.write({other, hers, later});
  CHECK(gate.get({"records"}, kOperator).body["items"].size() == 3);
  CHECK(gate.get({"records"}, kAlice).body["items"].size() == 2);
  CHECK(gate.get({"records"}, kAlice, {{"since", "2020-01-01"}}).body["items"].size() == 2);
  // Sums are of days: of the first one, nobody can say whose.
  CHECK(gate.get({"records", "daily"}, kAlice).body["items"].size() == 1);
}

TEST_CASE("api records: pages, and cursors that are no cursors") {
  Gate gate;
  gate.write(std::vector<records::Row>(5, records::pull("alice", "a:1")));
  std::string cursor;
  std::vector<std::int64_t> seen;
  do {
    std::vector<std::pair<std::string, std::string>> query{{"limit", "2"}};
    if (!cursor.empty()) query.emplace_back("cursor", cursor);
    const auto page = gate.get({"records"}, kOperator, query);
    REQUIRE(page.status == 200);
    for (const auto& item : page.body["items"]) seen.push_back(item["id"].get<std::int64_t>());
    cursor = page.body["next"].is_null() ? "" : page.body["next"].get<std::string>();
  } while (!cursor.empty());
  CHECK(seen == std::vector<std::int64_t>{5, 4, 3, 2, 1});
  CHECK(gate.get({"records"}, kOperator, {{"cursor", "1.2"}}).status == 400);
}

TEST_CASE("api records: what cannot be asked is refused") {
  Gate gate;
  gate.write({records::pull("alice", "a:1")});
  for (const auto& [name, value] :
       std::vector<std::pair<std::string, std::string>>{{"usr", "alice"},
                                                        {"decision", "maybe"},
                                                        {"address", "10.0.0.1/8"},
                                                        {"since", "soon"},
                                                        {"limit", "0"}}) {
    const auto& this_name = name;
    CAPTURE(this_name);
    CHECK(gate.get({"records"}, kOperator, {{name, value}}).status == 400);
  }
  CHECK(gate.get({"records"}, kOperator, {{"image", "a:1"}, {"tag", "2"}}).status == 400);
  CHECK(gate.get({"records", "daily"}, kOperator, {{"by", "colour"}}).status == 400);
  for (const auto* text : {"", "1", "x:y", "0:00", "1:abc"}) {
    CHECK(gate.get({"records", "verify"}, kOperator, {{"expect", text}}).status == 400);
  }
}

TEST_CASE("api records: verify tells the end of the chain, which can be given back") {
  Gate gate;
  gate.write({records::pull("alice", "a:1"), records::pull("alice", "a:2")});
  const auto verified = gate.get({"records", "verify"}, kOperator);
  CHECK(verified.body["ok"] == true);
  const auto head = verified.body["head"].get<std::string>();
  CHECK(head.starts_with("2:"));
  CHECK(gate.get({"records", "verify"}, kOperator, {{"expect", head}}).body["ok"] == true);
  records::tamper(gate.file(), "UPDATE records SET status = 1 WHERE id = 2");
  const auto wrong = gate.get({"records", "verify"}, kOperator);
  CHECK(wrong.body["ok"] == false);
  CHECK(wrong.body["row"] == 2);
}

TEST_CASE("api recording: a change is on disk, and found by its image") {
  Gate gate;
  SUBCASE("by who works on the files") { CHECK(record_into(gate.config)(grant())); }
  SUBCASE("by a running proxy") {
    std::filesystem::create_directories(gate.config.state);
    records::Recorder recorder(gate.config);
    recorder.start();
    CHECK(record_with(recorder)(grant()));
  }
  const auto found = gate.get({"records"}, kOperator, {{"image", "telechat:7b"}});
  REQUIRE(found.body["items"].size() == 1);
  const auto& item = found.body["items"][0];
  CHECK(item["user"] == "root");
  CHECK(item["address"] == "192.0.2.1");
  CHECK(item["action"] == "access.grant");
  CHECK(item["reference"] == "telechat:7b alice");
  CHECK(item["decision"] == "allowed");
  CHECK(records::verify(gate.file()).ok());
}

TEST_CASE("api recording: what cannot be recorded must not be done, unless that is allowed") {
  Gate gate;
  gate.write({});
  records::tamper(gate.file(),
                  "CREATE TRIGGER full BEFORE INSERT ON records BEGIN SELECT "
                  "RAISE(ABORT, 'disk full'); END");
  const auto refused = record_into(gate.config)(grant());
  REQUIRE_FALSE(refused);
  CHECK(refused.error().find("disk full") != std::string::npos);
  gate.config.records.required = false;
  CHECK(record_into(gate.config)(grant()));
}

}  // namespace layergate::api
