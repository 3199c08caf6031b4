#include "records/anomalies.h"

#include <optional>

#include <doctest/doctest.h>

#include "tests/unit/records/rows.h"
#include "tests/unit/temp_dir.h"

namespace layergate::records {
namespace {

const auto kNow = std::chrono::floor<std::chrono::days>(wall_now()) + std::chrono::hours{12};

config::Records::Anomalies limits() {
  config::Records::Anomalies limits;
  limits.logins_by_address = 5;
  limits.logins_by_account = 3;
  limits.within = std::chrono::minutes{10};
  limits.volume_times = 5;
  limits.volume_at_least = 10'000;
  return limits;
}

Row failed_login(const std::string& user, const char* address, WallTime at) {
  Row row;
  row.at = at;
  row.user = user;
  row.address = *IpAddress::parse(address);
  row.status = 401;
  row.reason = "wrong password or unknown user";
  return row;
}

class Watched {
 public:
  Watched() : ledger_(dir_ / "records.db"), anomalies_(std::in_place, ledger_, limits()) {}

  // "kind user address" of each that was found.
  std::vector<std::string> write(std::vector<Row> rows) {
    ledger_.append(rows);
    std::vector<std::string> found;
    for (const auto& each : anomalies_->examine(rows)) {
      CHECK(each.id > 0);
      found.push_back(each.kind + " " + each.user + " " + each.address);
    }
    return found;
  }
  void restart() { anomalies_.emplace(ledger_, limits()); }
  std::vector<Anomaly> table() { return Reader(dir_ / "records.db").anomalies({}, 100); }

 private:
  TempDir dir_;
  Ledger ledger_;
  std::optional<Anomalies> anomalies_;
};

using Found = std::vector<std::string>;

}  // namespace

TEST_CASE("anomalies: failed logins from one address, said once in their time") {
  Watched watched;
  const auto login = [&](int i, std::chrono::seconds later) {
    return failed_login("user" + std::to_string(i), "192.0.2.1", kNow + later);
  };
  for (int i = 0; i < 4; ++i) CHECK(watched.write({login(i, std::chrono::seconds{i})}) == Found{});
  CHECK(watched.write({login(4, std::chrono::seconds{5})}) ==
        Found{"failed_logins_of_address  192.0.2.1"});
  CHECK(watched.write({login(5, std::chrono::seconds{6})}) == Found{});
  CHECK(watched.table().size() == 1);
  CHECK(watched.table()[0].detail == "5 failed logins within 600 s");
  // Not too often is not unusual.
  Watched slow;
  for (int i = 0; i < 20; ++i)
    CHECK(slow.write({login(i, std::chrono::minutes{3 * i})}) == Found{});
}

TEST_CASE("anomalies: failed logins of one account, from wherever") {
  Watched watched;
  CHECK(watched.write({failed_login("alice", "192.0.2.1", kNow),
                       failed_login("alice", "198.51.100.1", kNow)}) == Found{});
  CHECK(watched.write({failed_login("alice", "203.0.113.1", kNow)}) ==
        Found{"failed_logins_of_account alice 203.0.113.1"});
  // What carries no credential, or a right one, is no failed login.
  auto anonymous = failed_login("", "192.0.2.9", kNow);
  auto forbidden = failed_login("bob", "192.0.2.9", kNow);
  forbidden.verified = true;
  forbidden.status = 403;
  CHECK(watched.write({10, anonymous}) == Found{});
  CHECK(watched.write({10, forbidden}) == Found{});
}

TEST_CASE("anomalies: failed logins before a restart count") {
  Watched watched;
  const auto now = wall_now();
  CHECK(watched.write({2, failed_login("alice", "192.0.2.1", now)}) == Found{});
  watched.restart();
  CHECK(watched.write({failed_login("alice", "192.0.2.1", now)}) ==
        Found{"failed_logins_of_account alice 192.0.2.1"});
  watched.restart();
  CHECK(watched.write({failed_login("alice", "192.0.2.1", now)}) == Found{});
}

TEST_CASE("anomalies: the first pull from a new network") {
  Watched watched;
  const auto from = [](const char* address) {
    return change(pull("alice", "a:b", kNow),
                  [&](Row& row) { row.address = *IpAddress::parse(address); });
  };
  CHECK(watched.write({from("192.0.2.1")}) == Found{});  // the first of all
  CHECK(watched.write({from("192.0.2.200")}) == Found{});
  CHECK(watched.write({from("192.0.3.1")}) == Found{"new_network alice 192.0.3.1"});
  CHECK(watched.write({from("192.0.3.2")}) == Found{});
  CHECK(watched.write({from("2001:db8:1::1")}) == Found{"new_network alice 2001:db8:1::1"});
  CHECK(watched.write({from("2001:db8:1:ffff::2")}) == Found{});
  watched.restart();
  CHECK(watched.write({from("192.0.3.3")}) == Found{});
  CHECK(watched.write({from("192.0.4.3")}) == Found{"new_network alice 192.0.4.3"});
  // What was refused, or only asked about, is no pull.
  CHECK(watched.write({change(from("203.0.113.1"), [](Row& row) { row.method = "HEAD"; })}) ==
        Found{});
  CHECK(watched.write({change(from("203.0.113.1"), [](Row& row) { row.allowed = false; })}) ==
        Found{});
}

TEST_CASE("anomalies: a pull from a new network right behind the first of all") {
  Watched watched;
  const auto from = [](const std::string& user, const char* address) {
    return change(pull(user, "a:b", kNow),
                  [&](Row& row) { row.address = *IpAddress::parse(address); });
  };
  CHECK(watched.write({from("alice", "192.0.2.1"), from("bob", "198.51.100.1"),
                       from("alice", "192.0.2.2"), from("alice", "198.51.100.2")}) ==
        Found{"new_network alice 198.51.100.2"});
  // And none over midnight.
  const auto tomorrow = [](Row& row) { row.at += std::chrono::days{1}; };
  CHECK(watched.write({from("carol", "192.0.2.1"), change(from("carol", "192.0.2.1"), tomorrow)}) ==
        Found{});
}

TEST_CASE("anomalies: a volume that is many times the usual") {
  Watched watched;
  const auto volume = [](std::int64_t bytes, int days_ago) {
    return change(pull("alice", "a:b", kNow - std::chrono::days{days_ago}),
                  [&](Row& row) { row.bytes_out = bytes; });
  };
  CHECK(watched.write({volume(4000, 3), volume(4000, 2), volume(4000, 1)}) == Found{});
  CHECK(watched.write({volume(19'000, 0)}) == Found{});  // less than 5 times 4000
  CHECK(watched.write({volume(1000, 0)}) == Found{"volume alice "});
  CHECK(watched.write({volume(9000, 0)}) == Found{});
  watched.restart();
  CHECK(watched.write({volume(9000, 0)}) == Found{});
  // And is not little.
  Watched small;
  CHECK(small.write({volume(1, 1), volume(9999, 0)}) == Found{});
  CHECK(small.write({volume(1, 0)}) == Found{"volume alice "});
}

TEST_CASE("anomalies: many subjects do not fill the memory") {
  Burst burst(3, std::chrono::minutes{10});
  for (int i = 0; i < 50'000; ++i) CHECK_FALSE(burst.add(std::to_string(i), 1, kNow));
  CHECK_FALSE(burst.add("0", 1, kNow));
  CHECK(burst.add("0", 1, kNow));
  // Later there is room for new ones.
  const auto later = kNow + std::chrono::hours{1};
  CHECK(burst.add("new", 3, later));
}

}  // namespace layergate::records
