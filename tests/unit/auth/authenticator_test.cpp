#include "auth/authenticator.h"

#include <algorithm>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "tests/unit/auth/fake_hashing.h"
#include "tests/unit/auth/hashes.h"

namespace layergate::auth {
namespace {

using std::chrono::seconds;

std::shared_ptr<const Htpasswd> file(const std::string& text) {
  auto loaded = Htpasswd::parse(text, "htpasswd");
  REQUIRE(loaded.htpasswd);
  return loaded.htpasswd;
}

const std::string kAlice = std::string("alice:") + kBcrypt5 + "\n";
const std::string kBob = std::string("bob:") + kBcrypt5 + "\n";

const IpAddress kHome = address("192.0.2.1");
const IpAddress kAway = address("198.51.100.1");

struct Bench {
  explicit Bench(Authenticator::Options options = one_thread())
      : authenticator(options, hashing.means()) {
    authenticator.set_htpasswd(file(kAlice + kBob));
  }
  static Authenticator::Options one_thread() {
    Authenticator::Options options;
    options.threads = 1;
    return options;
  }
  Verdict check(const std::string& user, const std::string& password,
                const IpAddress& from = kHome) {
    return verdict_of(authenticator, user, password, from);
  }
  // So many wrong passwords, each another.
  void fail(int times, const std::string& user, const IpAddress& from) {
    for (int i = 0; i < times; ++i) check(user, "wrong" + std::to_string(wrong++), from);
  }

  FakeHashing hashing;  // outlives the authenticator
  Authenticator authenticator;
  int wrong = 0;
};

TEST_CASE("authenticator: an account's line is told from any other, and not shown") {
  Bench bench;
  const auto alice = bench.authenticator.line_of("alice");
  REQUIRE(alice.has_value());
  CHECK(bench.authenticator.line_of("alice") == alice);
  CHECK(bench.authenticator.line_of("bob") != alice);
  CHECK(bench.authenticator.line_of("eve") == std::nullopt);
  bench.authenticator.set_htpasswd(file(kBob));
  CHECK(bench.authenticator.line_of("alice") == std::nullopt);
  bench.authenticator.set_htpasswd(file(kAlice));
  CHECK(bench.authenticator.line_of("alice") == alice);
}

TEST_CASE("authenticator: the first check is hashed, the next ones are remembered") {
  Bench bench;
  CHECK(bench.check("alice", "right") == Verdict::accepted);
  CHECK(bench.check("alice", "right") == Verdict::accepted);
  CHECK(bench.check("alice", "right", kAway) == Verdict::accepted);
  CHECK(bench.authenticator.counters().hashed == 1);
  CHECK(bench.authenticator.counters().remembered == 2);
  CHECK(bench.authenticator.counters().cached == 1);
}

TEST_CASE("authenticator: wrong passwords and unknown users are rejected and not remembered") {
  Bench bench;
  CHECK(bench.check("alice", "wrong") == Verdict::rejected);
  CHECK(bench.check("alice", "wrong") == Verdict::rejected);
  CHECK(bench.check("nobody", "wrong") == Verdict::rejected);
  CHECK(bench.authenticator.counters().hashed == 3);
  CHECK(bench.authenticator.counters().rejected == 3);
  CHECK(bench.authenticator.counters().cached == 0);
}

TEST_CASE("authenticator: an unknown user is rejected even if the decoy matched") {
  Bench bench;
  CHECK(bench.check("nobody", "right") == Verdict::rejected);
  CHECK(bench.check("nobody", "right") == Verdict::rejected);
}

TEST_CASE(
    "authenticator: an unknown user costs the same number and kind of hashes as a known one") {
  Bench bench;
  bench.check("alice", "wrong");
  const auto known = bench.hashing.kinds();
  bench.check("nobody", "wrong");
  auto both = bench.hashing.kinds();
  REQUIRE(both.size() == 2 * known.size());
  CHECK(std::equal(known.begin(), known.end(),
                   both.begin() + static_cast<std::ptrdiff_t>(known.size())));
}

TEST_CASE("authenticator: without a password file everybody is rejected") {
  FakeHashing hashing;
  Authenticator authenticator(Bench::one_thread(), hashing.means());
  CHECK(verdict_of(authenticator, "alice", "right", kHome) == Verdict::rejected);
}

TEST_CASE("authenticator: after its time to live a credential is hashed again") {
  Bench bench;
  CHECK(bench.check("alice", "right") == Verdict::accepted);
  bench.hashing.pass(seconds{299});
  CHECK(bench.check("alice", "right") == Verdict::accepted);
  CHECK(bench.authenticator.counters().hashed == 1);
  bench.hashing.pass(seconds{1});
  CHECK(bench.check("alice", "right") == Verdict::accepted);
  CHECK(bench.authenticator.counters().hashed == 2);
  CHECK(bench.check("alice", "right") == Verdict::accepted);
  CHECK(bench.authenticator.counters().hashed == 2);
}

TEST_CASE("authenticator: a changed or removed line ends a remembered credential at once") {
  Bench bench;
  CHECK(bench.check("alice", "right") == Verdict::accepted);
  bench.authenticator.set_htpasswd(file(kBob));
  CHECK(bench.check("alice", "right") == Verdict::rejected);
  bench.authenticator.set_htpasswd(file(std::string("alice:") + kBcrypt4 + "\n"));
  bench.hashing.set_outcome(Match::no);
  CHECK(bench.check("alice", "right") == Verdict::rejected);
  CHECK(bench.authenticator.counters().remembered == 0);
}

TEST_CASE("authenticator: a credential stays remembered when other lines change") {
  Bench bench;
  CHECK(bench.check("alice", "right") == Verdict::accepted);
  bench.authenticator.set_htpasswd(file(kAlice + std::string("carol:") + kBcrypt4 + "\n"));
  CHECK(bench.check("alice", "right") == Verdict::accepted);
  CHECK(bench.authenticator.counters().hashed == 1);
}

TEST_CASE("authenticator: a line that goes or changes while it is hashed does not count") {
  for (const std::string& after : {kBob, std::string("alice:") + kBcrypt4 + "\n", std::string()}) {
    CAPTURE(after);
    Bench bench;
    bench.hashing.hold();
    Verdicts verdicts;
    CHECK_FALSE(bench.authenticator.check({"alice", "right"}, kHome, verdicts.taker()));
    bench.hashing.wait_for_begun(1);
    bench.authenticator.set_htpasswd(file(after));
    bench.hashing.let_go();
    CHECK(verdicts.wait_for(1).front() == Verdict::rejected);
    CHECK(bench.authenticator.counters().cached == 0);
  }
}

TEST_CASE("authenticator: equal credentials in flight are hashed once, and all get the verdict") {
  for (const char* password : {"right", "wrong"}) {
    Bench bench;
    bench.hashing.hold();
    Verdicts verdicts;
    for (int i = 0; i < 20; ++i) {
      CHECK_FALSE(bench.authenticator.check({"alice", password}, i % 2 == 0 ? kHome : kAway,
                                            verdicts.taker()));
      if (i == 9) bench.hashing.wait_for_begun(1);
    }
    bench.hashing.let_go();
    const auto all = verdicts.wait_for(20);
    const auto expected = std::string(password) == "right" ? Verdict::accepted : Verdict::rejected;
    CHECK(std::count(all.begin(), all.end(), expected) == 20);
    CHECK(bench.authenticator.counters().hashed == 1);
  }
}

TEST_CASE("authenticator: a full queue is told, and has room again afterwards") {
  auto options = Bench::one_thread();
  options.queue = 2;
  Bench bench(options);
  bench.hashing.hold();
  Verdicts verdicts;
  const auto ask = [&](const char* password, const char* from) {
    return bench.authenticator.check({"alice", password}, address(from), verdicts.taker());
  };
  CHECK_FALSE(ask("a", "192.0.2.1"));
  bench.hashing.wait_for_begun(1);
  CHECK_FALSE(ask("b", "192.0.2.2"));
  CHECK_FALSE(ask("c", "192.0.2.3"));
  CHECK(ask("d", "192.0.2.4") == Verdict::overloaded);
  CHECK_FALSE(ask("c", "192.0.2.4"));  // joins
  CHECK(bench.authenticator.counters().queued == 2);
  CHECK(bench.authenticator.counters().overloaded == 1);
  bench.hashing.let_go();
  verdicts.wait_for(4);
  CHECK_FALSE(ask("d", "192.0.2.4"));
  verdicts.wait_for(5);
}

TEST_CASE("authenticator: one address leaves three quarters of the queue to others") {
  auto options = Bench::one_thread();
  options.queue = 8;
  Bench bench(options);
  bench.hashing.hold();
  Verdicts verdicts;
  int queued = 0;
  for (int i = 0; i < 20; ++i) {
    const auto verdict =
        bench.authenticator.check({"alice", std::to_string(i)}, kAway, verdicts.taker());
    if (!verdict) ++queued;
    if (i == 0) bench.hashing.wait_for_begun(1);
  }
  CHECK(queued == 3);  // one runs, two wait
  CHECK_FALSE(bench.authenticator.check({"bob", "right"}, kHome, verdicts.taker()));
  bench.hashing.let_go();
  verdicts.wait_for(4);
}

TEST_CASE("authenticator: hashing that fails is no rejection and no failure of the client's") {
  auto options = Bench::one_thread();
  options.address_burst = 1;
  Bench bench(options);
  bench.hashing.set_outcome(Match::failed);
  CHECK(bench.check("alice", "right") == Verdict::overloaded);
  CHECK(bench.check("alice", "right") == Verdict::overloaded);
  bench.hashing.set_outcome(std::nullopt);
  CHECK(bench.check("alice", "right") == Verdict::accepted);
  CHECK(bench.authenticator.counters().overloaded == 2);
}

TEST_CASE("authenticator: a remembered credential is hashed again before the strangers' queue") {
  Bench bench;
  CHECK(bench.check("bob", "right") == Verdict::accepted);
  bench.hashing.pass(seconds{301});
  bench.hashing.hold();
  Verdicts verdicts;
  for (int i = 0; i < 10; ++i) {
    bench.authenticator.check({"alice", "stranger" + std::to_string(i)}, kAway, verdicts.taker());
    if (i == 0) bench.hashing.wait_for_begun(2);
  }
  CHECK_FALSE(bench.authenticator.check({"bob", "right"}, kHome, verdicts.taker()));
  bench.hashing.let_go();
  verdicts.wait_for(11);
  CHECK(bench.hashing.passwords().at(2) == "right");
}

TEST_CASE("authenticator: strangers get a turn of four while remembered ones wait") {
  auto options = Bench::one_thread();
  Bench bench(options);
  std::string text;
  for (int i = 0; i < 20; ++i) text += "user" + std::to_string(i) + ":" + kBcrypt5 + "\n";
  bench.authenticator.set_htpasswd(file(text));
  for (int i = 0; i < 20; ++i) {
    CHECK(bench.check("user" + std::to_string(i), "right") == Verdict::accepted);
  }
  bench.hashing.pass(seconds{301});
  bench.hashing.hold();
  Verdicts verdicts;
  bench.authenticator.check({"user0", "running"}, kAway, verdicts.taker());
  bench.hashing.wait_for_begun(21);
  for (int i = 0; i < 20; ++i) {
    bench.authenticator.check({"user" + std::to_string(i), "right"}, kHome, verdicts.taker());
  }
  bench.authenticator.check({"user0", "stranger"}, kAway, verdicts.taker());
  bench.hashing.let_go();
  verdicts.wait_for(22);
  const auto order = bench.hashing.passwords();
  const auto at = std::find(order.begin(), order.end(), "stranger") - order.begin();
  CHECK(at >= 21);
  CHECK(at <= 21 + 4);
}

TEST_CASE("authenticator: completions that were not called are dropped at the end") {
  FakeHashing hashing;
  Verdicts verdicts;
  auto authenticator = std::make_unique<Authenticator>(Bench::one_thread(), hashing.means());
  authenticator->set_htpasswd(file(kAlice));
  hashing.hold();
  for (int i = 0; i < 10; ++i) {
    authenticator->check({"alice", std::to_string(i)}, kHome, verdicts.taker());
  }
  hashing.wait_for_begun(1);
  std::thread end([&] { authenticator.reset(); });
  std::this_thread::sleep_for(std::chrono::milliseconds{20});
  hashing.let_go();
  end.join();
  CHECK(verdicts.count() <= 1);
  CHECK(hashing.passwords().size() <= 2);
}

TEST_CASE("authenticator: real bcrypt, SHA-crypt, yescrypt and $apr1$ lines work end to end") {
  Authenticator authenticator(Authenticator::Options{});
  authenticator.set_htpasswd(file(std::string("a:") + kBcrypt4 + "\nb:" + kSha512 +
                                  "\nc:" + kYescrypt + "\nd:" + kApr1 + "\n"));
  for (const char* user : {"a", "b", "c", "d"}) {
    CHECK(verdict_of(authenticator, user, kPassword, kHome) == Verdict::accepted);
    CHECK(verdict_of(authenticator, user, "wrong", kHome) == Verdict::rejected);
  }
  CHECK(verdict_of(authenticator, "e", kPassword, kHome) == Verdict::rejected);
}

}  // namespace
}  // namespace layergate::auth
