#include "auth/keyed_hash.h"

#include <thread>

#include <doctest/doctest.h>

namespace layergate::auth {
namespace {

TEST_CASE("keyed hash: equal parts give equal hashes, on every thread") {
  const auto hash = keyed_hash(Purpose::credential, {"alice", "secret"});
  CHECK(hash == keyed_hash(Purpose::credential, {"alice", "secret"}));
  KeyedHash other{};
  std::thread([&] { other = keyed_hash(Purpose::credential, {"alice", "secret"}); }).join();
  CHECK(hash == other);
}

TEST_CASE("keyed hash: where one part ends and the next begins counts") {
  const auto hash = keyed_hash(Purpose::credential, {"alice", "secret"});
  CHECK(hash != keyed_hash(Purpose::credential, {"alices", "ecret"}));
  CHECK(hash != keyed_hash(Purpose::credential, {"alicesecret", ""}));
  CHECK(hash != keyed_hash(Purpose::credential, {"", "alicesecret"}));
  CHECK(hash != keyed_hash(Purpose::account, {"alice", "secret"}));
  CHECK(hash != keyed_hash(Purpose::credential, {"alice", "secreT"}));
}

}  // namespace
}  // namespace layergate::auth
