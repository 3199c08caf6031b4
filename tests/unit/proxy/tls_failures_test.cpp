#include "proxy/tls_failures.h"

#include <doctest/doctest.h>

namespace layergate::proxy {

TEST_CASE("tls failures: one line a second, with the number of those that were not told") {
  using std::chrono::milliseconds;
  TlsFailures failures;
  const auto peer = *IpAddress::parse("192.0.2.1");
  const TlsFailures::Clock::time_point start{std::chrono::hours{1}};
  CHECK(failures.line(peer, "unknown ca", start) == "no TLS with 192.0.2.1: unknown ca");
  CHECK(failures.line(peer, "b", start + milliseconds{1}).empty());
  CHECK(failures.line(peer, "c", start + milliseconds{999}).empty());
  CHECK(failures.line(peer, "d", start + milliseconds{1000}) ==
        "no TLS with 192.0.2.1: d (and 2 more since the last such line)");
  CHECK(failures.line(peer, "e", start + milliseconds{2000}) == "no TLS with 192.0.2.1: e");
}

}  // namespace layergate::proxy
