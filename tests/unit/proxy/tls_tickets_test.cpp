#include "proxy/tls_tickets.h"

#include <doctest/doctest.h>

namespace layergate::proxy {
namespace {

using std::chrono::minutes;
constexpr auto kPeriod = TlsTickets::kPeriod;

}  // namespace

TEST_CASE("tls tickets: one key for a period, then another") {
  TlsTickets tickets;
  const TlsTickets::Clock::time_point start{std::chrono::hours{1000}};
  const auto first = tickets.newest(start);
  REQUIRE(first);
  CHECK(tickets.newest(start + kPeriod - minutes{1})->name == first->name);
  const auto second = tickets.newest(start + kPeriod);
  REQUIRE(second);
  CHECK(second->name != first->name);
  CHECK(second->cipher != first->cipher);
  CHECK(second->mac != first->mac);
}

TEST_CASE("tls tickets: a ticket is opened for a period after its key was the newest") {
  TlsTickets tickets;
  const TlsTickets::Clock::time_point start{std::chrono::hours{1000}};
  const auto first = tickets.newest(start);
  REQUIRE(first);
  const auto found = tickets.find(first->name, start + minutes{1});
  REQUIRE(found);
  CHECK(found->key.cipher == first->cipher);
  CHECK(found->is_newest);
  REQUIRE(tickets.newest(start + kPeriod));
  const auto later = tickets.find(first->name, start + 2 * kPeriod - minutes{1});
  REQUIRE(later);
  CHECK_FALSE(later->is_newest);
  CHECK_FALSE(tickets.find(first->name, start + 2 * kPeriod));
}

TEST_CASE("tls tickets: a ticket of a stranger is not opened") {
  TlsTickets tickets;
  const auto now = TlsTickets::Clock::now();
  REQUIRE(tickets.newest(now));
  CHECK_FALSE(tickets.find(TlsTickets::Name{}, now));
  CHECK_FALSE(tickets.find({}, now));
}

}  // namespace layergate::proxy
