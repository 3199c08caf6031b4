#include "admin/session_store.h"

#include <set>

#include <doctest/doctest.h>

namespace layergate::admin {
namespace {

using namespace std::chrono_literals;
using Clock = SessionStore::Clock;

const Clock::time_point kStart{1000h};

SessionStore::Limits limits() {
  SessionStore::Limits limits;
  limits.idle = 10min;
  limits.longest = 60min;
  limits.most = 5;
  limits.most_of_account = 3;
  return limits;
}

}  // namespace

TEST_CASE("session store: a token finds its session and no other") {
  SessionStore store(limits());
  const auto alice = *store.open("alice", {}, kStart);
  const auto bob = *store.open("bob", {}, kStart);
  REQUIRE(store.find(alice, kStart) != nullptr);
  CHECK(store.find(alice, kStart)->account == "alice");
  CHECK(store.find(bob, kStart)->account == "bob");
  CHECK(alice.size() == 64);
  CHECK(store.find("", kStart) == nullptr);
  CHECK(store.find(alice.substr(1), kStart) == nullptr);
  CHECK(store.find(alice + "0", kStart) == nullptr);
  store.end(alice);
  CHECK(store.find(alice, kStart) == nullptr);
  CHECK(store.find(bob, kStart) != nullptr);
  store.end("nothing");
}

TEST_CASE("session store: tokens and CSRF tokens are all different") {
  SessionStore store({});
  std::set<std::string> seen;
  for (int i = 0; i < 16; ++i) {
    const auto token = *store.open("alice", {}, kStart);
    seen.insert(token);
    seen.insert(store.find(token, kStart)->csrf);
  }
  CHECK(seen.size() == 32);
}

TEST_CASE("session store: who does not know his own password loses the session") {
  SessionStore store(limits());
  const auto guessing = *store.open("alice", {}, kStart);
  const auto other = *store.open("alice", {}, kStart);
  for (int i = 1; i < limits().wrong_passwords; ++i) store.count_wrong_password(guessing);
  CHECK(store.find(guessing, kStart) != nullptr);
  store.count_wrong_password(guessing);
  CHECK(store.find(guessing, kStart) == nullptr);
  CHECK(store.find(other, kStart) != nullptr);
  store.count_wrong_password("nothing");
}

TEST_CASE("session store: unused for too long, or open for too long, it ends") {
  SessionStore store(limits());
  const auto token = *store.open("alice", {}, kStart);
  CHECK(store.find(token, kStart + 9min) != nullptr);
  CHECK(store.find(token, kStart + 18min) != nullptr);
  SUBCASE("unused") { CHECK(store.find(token, kStart + 28min) == nullptr); }
  SUBCASE("open") {
    for (auto at = 27min; at < 60min; at += 9min) CHECK(store.find(token, kStart + at) != nullptr);
    CHECK(store.find(token, kStart + 60min) == nullptr);
  }
  CHECK(store.size() == 0);
  CHECK(store.find(token, kStart + 18min) == nullptr);
}

TEST_CASE("session store: one session too many of an account ends the one unused for longest") {
  SessionStore store(limits());
  const auto other = *store.open("bob", {}, kStart);
  const auto first = *store.open("alice", {}, kStart + 1s);
  const auto second = *store.open("alice", {}, kStart + 2s);
  const auto third = *store.open("alice", {}, kStart + 3s);
  CHECK(store.find(first, kStart + 4s) != nullptr);
  const auto fourth = *store.open("alice", {}, kStart + 5s);
  const auto now = kStart + 6s;
  CHECK(store.find(second, now) == nullptr);
  for (const auto& token : {other, first, third, fourth}) CHECK(store.find(token, now) != nullptr);
}

TEST_CASE("session store: there is an end of them, and what is over makes room") {
  SessionStore store(limits());
  for (const auto* account : {"a", "b", "c", "d", "e"}) {
    CHECK(store.open(account, {}, kStart).has_value());
  }
  CHECK_FALSE(store.open("f", {}, kStart + 9min).has_value());
  CHECK(store.open("f", {}, kStart + 10min).has_value());
  CHECK(store.size() == 1);
}

TEST_CASE("session store: what it stands on is looked at") {
  SessionStore store(limits());
  const auto alice = *store.open("alice", {1}, kStart);
  const auto bob = *store.open("bob", {2}, kStart);
  store.end_unless([](const auto& session) { return session.line[0] == 2; }, kStart);
  CHECK(store.find(alice, kStart) == nullptr);
  CHECK(store.find(bob, kStart) != nullptr);
}

}  // namespace layergate::admin
