#include "proxy/manifest_cache.h"

#include <atomic>
#include <thread>

#include <doctest/doctest.h>

#include "oci/digest.h"

namespace layergate::proxy {
namespace {

using Fetched = ManifestCache::Fetched;

// A registry that answers when it is told to.
class Registry {
 public:
  [[nodiscard]] ManifestCache::Fetch fetch() {
    return [this](std::string repository, std::string digest, ManifestCache::Done done) {
      asked.push_back(repository + "@" + digest);
      waiting.push_back(std::move(done));
    };
  }
  void answer(const Fetched& fetched) {
    for (const auto& done : std::exchange(waiting, {})) done(fetched);
  }

  std::vector<std::string> asked;
  std::vector<ManifestCache::Done> waiting;
};

Fetched bytes(std::string text) {
  return {std::make_shared<const std::string>(std::move(text)), ""};
}

void fill(ManifestCache& cache, Registry& registry, const std::string& text) {
  cache.fetch("r", oci::sha256_of(text), [](const Fetched&) {});
  registry.answer(bytes(text));
}

}  // namespace

TEST_CASE("manifest cache: what was fetched is found, in any repository") {
  Registry registry;
  ManifestCache cache(10'000, registry.fetch());
  const auto digest = oci::sha256_of("{}");
  CHECK(cache.find(digest) == nullptr);
  std::string got;
  cache.fetch("r", digest, [&](const Fetched& fetched) { got = *fetched.body; });
  CHECK(cache.find(digest) == nullptr);
  registry.answer(bytes("{}"));
  CHECK(got == "{}");
  REQUIRE(cache.find(digest) != nullptr);
  CHECK(*cache.find(digest) == "{}");
  const auto stats = cache.stats();
  CHECK(stats.hits == 2);
  CHECK(stats.misses == 2);
  CHECK(stats.manifests == 1);
  CHECK(stats.bytes > 2);
}

TEST_CASE("manifest cache: however many ask, the registry is asked once") {
  Registry registry;
  ManifestCache cache(10'000, registry.fetch());
  int answered = 0;
  for (int i = 0; i < 5; ++i) cache.fetch("r", "sha256:a", [&](const Fetched&) { ++answered; });
  cache.fetch("other", "sha256:a", [&](const Fetched&) { ++answered; });
  CHECK(registry.asked == std::vector<std::string>{"r@sha256:a", "other@sha256:a"});
  registry.answer(bytes("{}"));
  CHECK(answered == 6);
}

TEST_CASE("manifest cache: what the registry did not give is asked for again") {
  Registry registry;
  ManifestCache cache(10'000, registry.fetch());
  for (const auto& refused : {Fetched{}, Fetched{nullptr, "other bytes"}}) {
    std::string problem = "none";
    cache.fetch("r", "sha256:a", [&](const Fetched& fetched) { problem = fetched.problem; });
    registry.answer(refused);
    CHECK(problem == refused.problem);
    CHECK(cache.find("sha256:a") == nullptr);
  }
  CHECK(registry.asked.size() == 2);
  CHECK(cache.stats().bytes == 0);
}

TEST_CASE("manifest cache: within its bounds, the oldest use goes first") {
  constexpr std::size_t kMost = 3000;
  Registry registry;
  ManifestCache cache(kMost, registry.fetch());
  const auto text = [](char c) { return std::string(600, c); };
  const auto has = [&](char c) { return cache.find(oci::sha256_of(text(c))) != nullptr; };
  for (const char c : {'a', 'b', 'c'}) fill(cache, registry, text(c));
  CHECK(has('a'));  // used later than b and c
  fill(cache, registry, text('d'));
  CHECK(has('a'));
  CHECK_FALSE(has('b'));
  CHECK(has('c'));
  CHECK(has('d'));
  CHECK(cache.stats().manifests == 3);
  CHECK(cache.stats().bytes <= kMost);

  SUBCASE("what is larger than all of it takes nobody's place") {
    fill(cache, registry, std::string(kMost, 'x'));
    CHECK(cache.stats().manifests == 3);
  }
  SUBCASE("what comes twice is there once") {
    fill(cache, registry, text('a'));
    CHECK(cache.stats().manifests == 3);
  }
}

TEST_CASE("manifest cache: off, it keeps nothing") {
  Registry registry;
  ManifestCache cache(0, registry.fetch());
  CHECK_FALSE(cache.is_on());
  fill(cache, registry, "{}");
  CHECK(cache.find(oci::sha256_of("{}")) == nullptr);
}

TEST_CASE("manifest cache: many threads at once") {
  constexpr int kThreads = 4;
  constexpr int kRounds = 2000;
  ManifestCache cache(5000, [](const std::string&, const std::string& digest, const auto& done) {
    done(bytes(digest + std::string(500, ' ')));
  });
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < kRounds; ++i) {
        const auto digest = "sha256:" + std::to_string((i * (thread + 3)) % 20);
        // Called by whichever thread had asked first, later than this turn.
        const auto check = [&wrong, digest](const Fetched& fetched) {
          if (!fetched.body || !fetched.body->starts_with(digest + " ")) ++wrong;
        };
        if (const auto body = cache.find(digest)) {
          check({body, ""});
        } else {
          cache.fetch("r", digest, check);
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(wrong == 0);
}

}  // namespace layergate::proxy
