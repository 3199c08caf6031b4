#include "admin/browser_checks.h"

#include <doctest/doctest.h>

namespace layergate::admin {
namespace {

Request request_with(std::vector<std::pair<std::string, std::string>> fields,
                     std::string method = "GET") {
  Request request;
  request.method = std::move(method);
  request.fields = std::move(fields);
  return request;
}

// 0: it may go on.
int status_of(const std::optional<api::Reply>& refused) { return refused ? refused->status : 0; }

int host(std::string value) {
  return status_of(refuse_host(request_with({{"hOST", std::move(value)}}), {"gate.example.com"}));
}

}  // namespace

TEST_CASE("browser checks: addresses and names of ours are answered") {
  for (const auto* good :
       {"127.0.0.1", "127.0.0.1:8080", "10.1.2.3:80", "[::1]", "[2001:db8::7]:443", "localhost",
        "LocalHost:8080", "gate.example.com", "GATE.example.com:8443", "127.0.0.1:"}) {
    CAPTURE(good);
    CHECK(host(good) == 0);
  }
  for (const auto* other :
       {"evil.example", "gate.example.com.evil.example", "xgate.example.com", "localhost.evil",
        "gate.example.com.", "127.1", "0x7f000001", "2130706433", "a@127.0.0.1"}) {
    CAPTURE(other);
    CHECK(host(other) == 421);
  }
  for (const auto* bad : {"", ":80", "127.0.0.1:80x", "127.0.0.1:80:80", "::1", "[::1", "[::1]x",
                          "[127.0.0.1]", "[]"}) {
    CAPTURE(bad);
    CHECK(host(bad) == 400);
  }
  CHECK(status_of(refuse_host(request_with({}), {})) == 400);
}

TEST_CASE("browser checks: pages of other sites may not ask") {
  const auto site = [](const char* value, const char* method) {
    return status_of(refuse_foreign_page(
        request_with({{"Sec-Fetch-Site", value}, {"X-Layergate-Request", "1"}}, method)));
  };
  for (const auto* method : {"GET", "HEAD", "POST", "DELETE"}) {
    CHECK(site("same-origin", method) == 0);
    CHECK(site("none", method) == 0);
    for (const auto* other : {"cross-site", "same-site", "", "Same-Origin"})
      CHECK(site(other, method) == 403);
  }
  CHECK(status_of(refuse_foreign_page(request_with({}))) == 0);
}

TEST_CASE("browser checks: a change says that it was meant, and comes from our own origin") {
  CHECK(status_of(refuse_foreign_page(request_with({}, "POST"))) == 403);
  CHECK(status_of(refuse_foreign_page(request_with({{"X-Layergate-Request", "1"}}, "POST"))) == 0);
  CHECK(status_of(refuse_foreign_page(request_with({{"X-CSRF-Token", "x"}}, "POST"))) == 0);
  const auto origin = [](const char* value, const char* method = "PUT") {
    return status_of(refuse_foreign_page(request_with(
        {{"Host", "gate:8080"}, {"Origin", value}, {"X-Layergate-Request", "1"}}, method)));
  };
  CHECK(origin("http://gate:8080") == 0);
  CHECK(origin("https://GATE:8080") == 0);
  CHECK(origin("http://gate") == 403);
  CHECK(origin("http://gate:8081") == 403);
  CHECK(origin("http://evil.example") == 403);
  CHECK(origin("null") == 403);
  CHECK(origin("") == 403);
  CHECK(origin("gate:8080") == 403);
  CHECK(origin("http://evil.example", "GET") == 0);
}

}  // namespace layergate::admin
