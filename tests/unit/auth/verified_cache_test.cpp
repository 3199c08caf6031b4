#include "auth/verified_cache.h"

#include <doctest/doctest.h>

namespace layergate::auth {
namespace {

using std::chrono::seconds;

KeyedHash key(std::uint8_t n) {
  KeyedHash hash{};
  hash[0] = n;
  return hash;
}

const TimePoint kStart{std::chrono::hours{1}};

TEST_CASE("verified cache: an entry is fresh for its time to live and stays after it") {
  VerifiedCache cache(10, seconds{300});
  CHECK_FALSE(cache.find(key(1), 7, kStart));
  cache.put(key(1), kStart);
  CHECK(cache.find(key(1), 7, kStart + seconds{299})->fresh);
  REQUIRE(cache.find(key(1), 7, kStart + seconds{300}));
  CHECK_FALSE(cache.find(key(1), 7, kStart + seconds{300})->fresh);
  cache.put(key(1), kStart + seconds{400});
  CHECK(cache.find(key(1), 7, kStart + seconds{699})->fresh);
  CHECK(cache.size() == 1);
}

TEST_CASE("verified cache: the one unused for longest goes") {
  VerifiedCache cache(2, seconds{300});
  cache.put(key(1), kStart);
  cache.put(key(2), kStart);
  CHECK(cache.find(key(1), 7, kStart));
  cache.put(key(3), kStart);
  CHECK(cache.size() == 2);
  CHECK(cache.find(key(1), 7, kStart));
  CHECK_FALSE(cache.find(key(2), 7, kStart));
  CHECK(cache.find(key(3), 7, kStart));
}

TEST_CASE("verified cache: the last eight networks of a credential are known") {
  VerifiedCache cache(10, seconds{300});
  cache.note_network(key(1), 1);  // nothing to note it on
  cache.put(key(1), kStart);
  CHECK_FALSE(cache.find(key(1), 1, kStart)->from_here);
  for (std::uint64_t network = 1; network <= 8; ++network) cache.note_network(key(1), network);
  cache.note_network(key(1), 8);
  for (std::uint64_t network = 1; network <= 8; ++network) {
    CHECK(cache.find(key(1), network, kStart)->from_here);
  }
  CHECK_FALSE(cache.find(key(1), 0, kStart)->from_here);
  cache.note_network(key(1), 9);
  CHECK_FALSE(cache.find(key(1), 1, kStart)->from_here);
  CHECK(cache.find(key(1), 2, kStart)->from_here);
  CHECK(cache.find(key(1), 9, kStart)->from_here);
  cache.put(key(1), kStart + seconds{400});  // verified again: its networks stay
  CHECK(cache.find(key(1), 9, kStart)->from_here);
}

TEST_CASE("verified cache: it never holds more than it may") {
  VerifiedCache cache(2048, seconds{300});
  for (std::uint32_t i = 0; i < 20'000; ++i) {
    const std::string_view part(reinterpret_cast<const char*>(&i), sizeof i);
    cache.put(keyed_hash(Purpose::credential, {part}), kStart);
  }
  CHECK(cache.size() <= 2048);
  CHECK(cache.size() > 2000);
}

}  // namespace
}  // namespace layergate::auth
