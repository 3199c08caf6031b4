#include "records/recorder.h"

#include <algorithm>
#include <atomic>
#include <future>
#include <map>
#include <set>
#include <thread>

#include <doctest/doctest.h>

#include "records/reader.h"
#include "records/verification.h"
#include "tests/unit/records/rows.h"
#include "tests/unit/temp_dir.h"

namespace layergate::records {
namespace {

config::Config config_in(const TempDir& dir) {
  config::Config config;
  config.state = dir.path();
  return config;
}

// Makes every write fail until it is undone, as a full disk would.
constexpr auto kFail =
    "CREATE TRIGGER full BEFORE INSERT ON records BEGIN SELECT RAISE(ABORT, 'disk full'); END";
constexpr auto kWork = "DROP TRIGGER full";

bool durably(Recorder& recorder, Row row) {
  std::promise<bool> told;
  recorder.record_durably(std::move(row), [&](bool written) { told.set_value(written); });
  return told.get_future().get();
}

}  // namespace

TEST_CASE("recorder: who waits is told when his row is on disk") {
  TempDir dir;
  const auto file = dir / "records.db";
  Recorder recorder(config_in(dir));
  recorder.start();
  for (int i = 1; i <= 5; ++i) {
    REQUIRE(durably(recorder, pull("alice", "a:b")));
    // By another connection, as after a crash.
    CHECK(Reader(file).query({}, 100).rows.size() == static_cast<std::size_t>(i));
  }
  CHECK(recorder.record_now(pull("bob", "a:b")));
  CHECK(Reader(file).query({}, 1).rows[0].user == "bob");
  CHECK(recorder.status().written == 6);
}

TEST_CASE("recorder: rows of many threads are all written, each thread's in its order") {
  TempDir dir;
  constexpr int kThreads = 4;
  constexpr int kEach = 2000;
  std::atomic<int> told{0};
  {
    Recorder recorder(config_in(dir));
    recorder.start();
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < kEach; ++i) {
          auto row = pull("user" + std::to_string(t), "a:" + std::to_string(i));
          row.bytes_in = i;
          if (i % 100 == 0) {
            recorder.record_durably(std::move(row), [&](bool written) { told += written ? 1 : 0; });
          } else {
            recorder.record(std::move(row));
          }
        }
      });
    }
    for (auto& thread : threads) thread.join();
  }  // writes out what waits
  CHECK(told == kThreads * kEach / 100);
  const auto rows = Reader(dir / "records.db").query({}, 100'000).rows;
  CHECK(rows.size() == kThreads * kEach);
  std::map<std::string, std::int64_t> last;
  auto in_order = rows;
  std::sort(in_order.begin(), in_order.end(),
            [](const Row& a, const Row& b) { return a.id < b.id; });
  for (const auto& row : in_order) {
    if (row.bytes_in % 100 == 0) continue;  // came before the others
    CHECK(row.bytes_in > last[row.user]);
    last[row.user] = row.bytes_in;
  }
  CHECK(verify(dir / "records.db").ok());
}

TEST_CASE("recorder: when the disk fails, changes are refused and nothing is forgotten") {
  TempDir dir;
  const auto file = dir / "records.db";
  auto config = config_in(dir);
  SUBCASE("records.required") { config.records.required = true; }
  SUBCASE("not required") { config.records.required = false; }
  const bool required = config.records.required;
  {
    Recorder recorder(config);
    recorder.start();
    REQUIRE(durably(recorder, pull("first", "a:b")));
    tamper(file, kFail);
    CHECK_FALSE(durably(recorder, pull("second", "a:b")));
    CHECK(recorder.refuses_changes() == required);
    CHECK(recorder.status().problem.find("disk full") != std::string::npos);
    CHECK(recorder.record_now(pull("third", "a:b")).has_value() == !required);
    recorder.record(pull("fourth", "a:b"));
    tamper(file, kWork);
    CHECK(durably(recorder, pull("fifth", "a:b")));
    CHECK_FALSE(recorder.refuses_changes());
    CHECK(recorder.status().problem.empty());
  }
  std::multiset<std::string> users;
  for (const auto& row : Reader(file).query({}, 100).rows) users.insert(row.user);
  CHECK(users == std::multiset<std::string>{"fifth", "first", "fourth", "second", "third"});
  CHECK(verify(file).ok());
}

TEST_CASE("recorder: what is too much is counted, and the count is a row") {
  TempDir dir;
  const auto file = dir / "records.db";
  constexpr std::size_t kMore = 1000;
  {
    Recorder recorder(config_in(dir));  // not started: nothing is taken away
    for (std::size_t i = 0; i < Recorder::kMostWaiting + kMore; ++i) {
      recorder.record(pull("alice", "a:" + std::to_string(i)));
    }
    CHECK(recorder.status().lost == kMore);
    CHECK(recorder.status().waiting == Recorder::kMostWaiting);
    recorder.start();
    // Never among what is too much.
    CHECK(durably(recorder, pull("waits", "a:b")));
    while (recorder.status().written < Recorder::kMostWaiting + 2) std::this_thread::yield();
  }
  Filter filter;
  filter.action = "records.lost";
  const auto rows = Reader(file).query(filter, 10).rows;
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].requests == kMore);
  CHECK(verify(file).ok());
}

TEST_CASE("recorder: more of the same than can be written is a few rows, and nothing is missing") {
  TempDir dir;
  constexpr std::int64_t kRequests = 3 * static_cast<std::int64_t>(Recorder::kMostWaiting);
  {
    Recorder recorder(config_in(dir));
    for (std::int64_t i = 0; i < kRequests; ++i) recorder.record(pull("alice", "a:b"));
    CHECK(recorder.status().lost == 0);
    CHECK(recorder.status().waiting < Recorder::kMostWaiting / 2);
    recorder.start();
  }
  std::int64_t requests = 0;
  std::int64_t bytes = 0;
  for (const auto& sum : Reader(dir / "records.db").daily({}, {})) {
    requests += sum.requests;
    bytes += sum.bytes;
  }
  CHECK(requests == kRequests);
  CHECK(bytes == kRequests * pull("alice", "a:b").bytes_out);
  CHECK(verify(dir / "records.db").ok());
}

TEST_CASE("recorder: a secret of the webhook that cannot be read stops the start") {
  TempDir dir;
  auto config = config_in(dir);
  config.records.webhook = {"https://127.0.0.1:1/x", dir / "secret"};
  CHECK_THROWS_WITH(Recorder{config}, doctest::Contains("records.webhook.secret_file"));
  write_text(dir / "secret", "\n");
  CHECK_THROWS_WITH(Recorder{config}, doctest::Contains("is empty"));
}

}  // namespace layergate::records
