// Many threads, a password file that is replaced all the time, and an end in the middle of it: for
// the sanitizers as much as for the checks.
#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "auth/authenticator.h"
#include "tests/unit/auth/fake_hashing.h"
#include "tests/unit/auth/hashes.h"

namespace layergate::auth {
namespace {

std::shared_ptr<const Htpasswd> file_of(const std::string& hash, int users) {
  std::string text;
  for (int i = 0; i < users; ++i) text += "user" + std::to_string(i) + ":" + hash + "\n";
  return Htpasswd::parse(text, "htpasswd").htpasswd;
}

TEST_CASE("authenticator under load: every check is answered exactly once, none wrongly") {
  constexpr int kThreads = 6;
  constexpr int kChecks = 300;
  Authenticator::Options options;
  options.threads = 3;
  options.cache_ttl = std::chrono::seconds{0};  // every use hashes again
  options.cache_entries = 8;
  options.address_burst = 0;
  options.account_burst = 0;
  Authenticator authenticator(options);
  authenticator.set_htpasswd(file_of(kBcrypt4, 16));

  std::atomic<int> answers{0};
  std::atomic<int> wrongly{0};
  std::atomic<bool> stop{false};
  std::thread swapper([&] {
    for (int i = 0; !stop; ++i) {
      // The same password in other hashes: what is in flight is rejected, never accepted wrongly.
      authenticator.set_htpasswd(file_of(i % 2 == 0 ? kBcrypt4b : kBcrypt4, 16));
      std::this_thread::sleep_for(std::chrono::milliseconds{3});
    }
  });
  std::vector<std::thread> clients;
  for (int t = 0; t < kThreads; ++t) {
    clients.emplace_back([&, t] {
      for (int i = 0; i < kChecks; ++i) {
        const bool right = i % 3 != 0;
        // Users 16 to 19 do not exist.
        const int user = (i + t) % 20;
        const auto take = [&, may_be = right && user < 16](Verdict verdict) {
          if (verdict == Verdict::accepted && !may_be) ++wrongly;
          if (verdict == Verdict::throttled) ++wrongly;
          ++answers;
        };
        const auto at_once = authenticator.check(
            {"user" + std::to_string(user), right ? kPassword : "wrong" + std::to_string(i % 7)},
            address(t % 2 == 0 ? "192.0.2.1" : "2001:db8::1"), take);
        if (at_once) take(*at_once);
        if (i % 16 == 0) (void)authenticator.counters();
      }
    });
  }
  for (auto& client : clients) client.join();
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds{60};
  while (answers < kThreads * kChecks && std::chrono::steady_clock::now() < until) {
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
  }
  stop = true;
  swapper.join();
  CHECK(answers == kThreads * kChecks);
  CHECK(wrongly == 0);
  CHECK(authenticator.counters().queued == 0);
  CHECK(authenticator.counters().cached <= 8);
}

TEST_CASE("authenticator under load: it may end while checks wait") {
  for (int round = 0; round < 20; ++round) {
    std::atomic<int> answers{0};
    {
      Authenticator::Options options;
      options.threads = 2;
      Authenticator authenticator(options);
      authenticator.set_htpasswd(file_of(kBcrypt4, 4));
      std::vector<std::thread> clients;
      for (int t = 0; t < 3; ++t) {
        clients.emplace_back([&, t] {
          for (int i = 0; i < 30; ++i) {
            authenticator.check({"user" + std::to_string(i % 4), std::to_string(i)},
                                address(t == 0 ? "192.0.2.1" : "192.0.2.2"),
                                [&](Verdict) { ++answers; });
          }
        });
      }
      for (auto& client : clients) client.join();
    }
    const int at_end = answers;
    std::this_thread::yield();
    CHECK(answers == at_end);
  }
}

}  // namespace
}  // namespace layergate::auth
