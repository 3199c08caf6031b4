#include "auth/failure_limits.h"

#include <string>
#include <thread>

#include <doctest/doctest.h>

namespace layergate::auth {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const TimePoint kStart{std::chrono::hours{1}};

KeyedHash name(const std::string& text) { return keyed_hash(Purpose::account, {text}); }

TEST_CASE("failure limits: a burst is let through, then one for each token earned") {
  FailureLimits limits(3, 60);
  for (int i = 0; i < 3; ++i) {
    CHECK_FALSE(limits.exhausted(name("a"), kStart));
    limits.charge(name("a"), kStart);
  }
  CHECK(limits.exhausted(name("a"), kStart));
  CHECK(limits.exhausted(name("a"), kStart + milliseconds{999}));
  CHECK_FALSE(limits.exhausted(name("a"), kStart + seconds{1}));
  limits.charge(name("a"), kStart + seconds{1});
  CHECK(limits.exhausted(name("a"), kStart + seconds{1}));
  CHECK_FALSE(limits.exhausted(name("b"), kStart));
}

TEST_CASE("failure limits: a bucket fills up to its burst and no further") {
  FailureLimits limits(2, 60);
  limits.charge(name("a"), kStart);
  const auto later = kStart + std::chrono::hours{24};
  limits.charge(name("a"), later);
  CHECK_FALSE(limits.exhausted(name("a"), later));
  limits.charge(name("a"), later);
  CHECK(limits.exhausted(name("a"), later));
}

TEST_CASE("failure limits: what was in flight when it emptied is a debt") {
  FailureLimits limits(2, 60);
  for (int i = 0; i < 12; ++i) limits.charge(name("a"), kStart);
  CHECK(limits.exhausted(name("a"), kStart + milliseconds{10'999}));
  CHECK_FALSE(limits.exhausted(name("a"), kStart + seconds{11}));
}

TEST_CASE("failure limits: others' failures give nobody his tokens back") {
  FailureLimits limits(3, 1);
  for (int i = 0; i < 3; ++i) limits.charge(name("attacker"), kStart);
  for (int i = 0; i < 200'000; ++i) limits.charge(name("flood" + std::to_string(i)), kStart);
  CHECK(limits.exhausted(name("attacker"), kStart));
}

TEST_CASE("failure limits: a thousand exhausted names hardly touch the others") {
  FailureLimits limits(3, 1);
  for (int i = 0; i < 1000; ++i) {
    for (int k = 0; k < 3; ++k) limits.charge(name("bad" + std::to_string(i)), kStart);
  }
  int touched = 0;
  for (int i = 0; i < 10'000; ++i) {
    if (limits.exhausted(name("good" + std::to_string(i)), kStart)) ++touched;
  }
  CHECK(touched < 60);  // about 9 are expected
}

TEST_CASE("failure limits: no burst or no rate means no limit") {
  FailureLimits no_burst(0, 60);
  FailureLimits no_rate(30, 0);
  for (int i = 0; i < 1000; ++i) {
    no_burst.charge(name("a"), kStart);
    no_rate.charge(name("a"), kStart);
  }
  CHECK_FALSE(no_burst.exhausted(name("a"), kStart));
  CHECK_FALSE(no_rate.exhausted(name("a"), kStart));
}

TEST_CASE("failure limits: charges from many threads all count") {
  FailureLimits limits(4001, 60);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 1000; ++i) limits.charge(name("a"), kStart);
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK_FALSE(limits.exhausted(name("a"), kStart));
  limits.charge(name("a"), kStart);
  CHECK(limits.exhausted(name("a"), kStart));
}

TEST_CASE("failure limits: IPv4 counts by address, IPv6 by /64") {
  const auto network = [](const char* text) { return network_of(*IpAddress::parse(text)); };
  CHECK(network("192.0.2.1") != network("192.0.2.2"));
  CHECK(network("192.0.2.1") == network("::ffff:192.0.2.1"));
  CHECK(network("2001:db8:1:2::1") == network("2001:db8:1:2:ffff::9"));
  CHECK(network("2001:db8:1:2::1") != network("2001:db8:1:3::1"));
}

}  // namespace
}  // namespace layergate::auth
