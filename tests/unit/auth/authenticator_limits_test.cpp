// Limits on failures, and that they are no weapon against those who know their password.
#include <string>

#include <doctest/doctest.h>

#include "auth/authenticator.h"
#include "tests/unit/auth/fake_hashing.h"
#include "tests/unit/auth/hashes.h"

namespace layergate::auth {
namespace {

using std::chrono::seconds;

const IpAddress kHome = address("192.0.2.1");
const IpAddress kAway = address("198.51.100.1");
const IpAddress kThird = address("203.0.113.1");

struct Bench {
  static Authenticator::Options options() {
    Authenticator::Options options;
    options.threads = 1;
    options.address_burst = 3;
    options.address_per_minute = 60;
    options.account_burst = 5;
    options.account_per_minute = 60;
    return options;
  }
  Bench() : authenticator(options(), hashing.means()) {
    authenticator.set_htpasswd(
        Htpasswd::parse(std::string("alice:") + kBcrypt5 + "\nbob:" + kBcrypt5 + "\n", "htpasswd")
            .htpasswd);
  }
  Verdict check(const std::string& user, const std::string& password, const IpAddress& from) {
    return verdict_of(authenticator, user, password, from);
  }
  Verdict guess(const std::string& user, const IpAddress& from) {
    return check(user, "guess" + std::to_string(guesses++), from);
  }
  // From as many addresses as it takes.
  void exhaust_account(const std::string& user) {
    for (int i = 0; i < 5; ++i) {
      const auto from = "10.0.0." + std::to_string(i + 1);
      CHECK(guess(user, address(from.c_str())) == Verdict::rejected);
    }
  }
  void exhaust_address(const IpAddress& from) {
    for (int i = 0; i < 3; ++i) {
      CHECK(guess("nobody" + std::to_string(i), from) == Verdict::rejected);
    }
  }

  FakeHashing hashing;
  Authenticator authenticator;
  int guesses = 0;
};

TEST_CASE("limits: an address out of tokens is throttled without a hash, until it earns one") {
  Bench bench;
  bench.exhaust_address(kAway);
  const auto hashed = bench.authenticator.counters().hashed;
  CHECK(bench.guess("alice", kAway) == Verdict::throttled);
  CHECK(bench.check("alice", "right", kAway) == Verdict::throttled);
  CHECK(bench.authenticator.counters().hashed == hashed);
  CHECK(bench.authenticator.counters().throttled == 2);
  CHECK(bench.check("alice", "right", kHome) == Verdict::accepted);
  bench.hashing.pass(seconds{1});
  CHECK(bench.guess("alice", kAway) == Verdict::rejected);
  CHECK(bench.guess("alice", kAway) == Verdict::throttled);
}

TEST_CASE("limits: an IPv6 client has one bucket for its /64") {
  Bench bench;
  bench.exhaust_address(address("2001:db8:1:2::1"));
  CHECK(bench.guess("alice", address("2001:db8:1:2:3:4:5:6")) == Verdict::throttled);
  CHECK(bench.guess("alice", address("2001:db8:1:3::1")) == Verdict::rejected);
}

TEST_CASE("limits: an account out of tokens is throttled, whether it exists or not") {
  for (const char* user : {"alice", "nobody"}) {
    CAPTURE(user);
    Bench bench;
    bench.exhaust_account(user);
    CHECK(bench.guess(user, kHome) == Verdict::throttled);
    CHECK(bench.guess("bob", kHome) == Verdict::rejected);
  }
}

TEST_CASE("limits: right passwords cost no tokens") {
  Bench bench;
  for (int i = 0; i < 20; ++i) {
    CHECK(bench.check("alice", "right", kHome) == Verdict::accepted);
    bench.hashing.pass(seconds{301});
  }
  CHECK(bench.authenticator.counters().hashed == 20);
}

TEST_CASE("limits: one wrong credential asked for many times at once is one failure") {
  Bench bench;
  bench.hashing.hold();
  Verdicts verdicts;
  for (int i = 0; i < 12; ++i) {
    bench.authenticator.check({"alice", "wrong"}, kHome, verdicts.taker());
  }
  bench.hashing.let_go();
  verdicts.wait_for(12);
  CHECK(bench.guess("alice", kHome) == Verdict::rejected);
  CHECK(bench.guess("alice", kHome) == Verdict::rejected);
  CHECK(bench.guess("alice", kHome) == Verdict::throttled);
}

TEST_CASE("limits: whoever joins another's wrong guess pays for it too") {
  Bench bench;
  bench.hashing.hold();
  Verdicts verdicts;
  bench.authenticator.check({"alice", "wrong"}, kHome, verdicts.taker());
  bench.hashing.wait_for_begun(1);
  bench.authenticator.check({"alice", "wrong"}, kAway, verdicts.taker());
  bench.hashing.let_go();
  verdicts.wait_for(2);
  CHECK(bench.guess("alice", kAway) == Verdict::rejected);
  CHECK(bench.guess("alice", kAway) == Verdict::rejected);
  CHECK(bench.guess("alice", kAway) == Verdict::throttled);
}

TEST_CASE("limits: guesses that were in flight together are all paid for") {
  Bench bench;
  bench.hashing.hold();
  Verdicts verdicts;
  for (int i = 0; i < 10; ++i) {
    bench.authenticator.check({"nobody" + std::to_string(i), "x"}, kAway, verdicts.taker());
  }
  bench.hashing.let_go();
  verdicts.wait_for(10);
  bench.hashing.pass(seconds{7});
  CHECK(bench.guess("alice", kAway) == Verdict::throttled);
  bench.hashing.pass(seconds{1});
  CHECK(bench.guess("alice", kAway) == Verdict::rejected);
}

TEST_CASE("limits: a remembered credential is not refused for failures of its own address") {
  Bench bench;
  CHECK(bench.check("alice", "right", kHome) == Verdict::accepted);
  bench.exhaust_address(kHome);
  CHECK(bench.guess("alice", kHome) == Verdict::throttled);
  CHECK(bench.check("alice", "right", kHome) == Verdict::accepted);
  SUBCASE("nor after its time to live") {
    bench.hashing.pass(seconds{301});
    bench.exhaust_address(kHome);
    CHECK(bench.guess("alice", kHome) == Verdict::throttled);
    CHECK(bench.check("alice", "right", kHome) == Verdict::accepted);
  }
}

TEST_CASE("limits: a remembered credential is not refused for what others did to its account") {
  Bench bench;
  CHECK(bench.check("alice", "right", kHome) == Verdict::accepted);
  bench.exhaust_account("alice");
  CHECK(bench.guess("alice", kThird) == Verdict::throttled);
  CHECK(bench.check("alice", "right", kHome) == Verdict::accepted);
  CHECK(bench.check("alice", "right", kAway) == Verdict::accepted);  // an address it is new at
  SUBCASE("nor after its time to live") {
    bench.hashing.pass(seconds{301});
    bench.exhaust_account("alice");
    CHECK(bench.check("alice", "right", kHome) == Verdict::accepted);
    CHECK(bench.authenticator.counters().throttled == 1);
  }
}

TEST_CASE("limits: a changed line ends the exemption") {
  Bench bench;
  CHECK(bench.check("alice", "right", kHome) == Verdict::accepted);
  bench.authenticator.set_htpasswd(
      Htpasswd::parse(std::string("alice:") + kBcrypt4 + "\n", "htpasswd").htpasswd);
  bench.exhaust_account("alice");
  CHECK(bench.check("alice", "right", kHome) == Verdict::throttled);
}

TEST_CASE("limits: an address out of tokens cannot go on guessing what is remembered") {
  Bench bench;
  CHECK(bench.check("alice", "right", kHome) == Verdict::accepted);
  bench.exhaust_address(kAway);
  CHECK(bench.check("alice", "right", kAway) == Verdict::throttled);
}

TEST_CASE("limits: guesses at a throttled account use up the address's tokens") {
  Bench bench;
  CHECK(bench.check("alice", "right", kHome) == Verdict::accepted);
  bench.exhaust_account("alice");
  for (int i = 0; i < 3; ++i) CHECK(bench.guess("alice", kAway) == Verdict::throttled);
  // Otherwise this would be a guess at the speed of the cache.
  CHECK(bench.check("alice", "right", kAway) == Verdict::throttled);
  CHECK(bench.guess("bob", kAway) == Verdict::throttled);
}

TEST_CASE("limits: a right password against a line that was just replaced is no failure") {
  Bench bench;
  for (int i = 0; i < 5; ++i) {
    bench.hashing.hold();
    Verdicts verdicts;
    bench.authenticator.check({"alice", "right"}, kHome, verdicts.taker());
    bench.hashing.wait_for_begun(static_cast<std::size_t>(i) + 1);
    bench.authenticator.set_htpasswd(
        Htpasswd::parse(std::string("alice:") + (i % 2 == 0 ? kBcrypt4 : kBcrypt5) + "\n", "f")
            .htpasswd);
    bench.hashing.let_go();
    CHECK(verdicts.wait_for(1).front() == Verdict::rejected);
  }
  CHECK(bench.check("alice", "right", kHome) == Verdict::accepted);
}

}  // namespace
}  // namespace layergate::auth
