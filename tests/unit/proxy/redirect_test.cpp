#include "proxy/redirect.h"

#include <doctest/doctest.h>

namespace layergate::proxy {

TEST_CASE("redirect: absolute http URLs, and where they lead") {
  struct Row {
    std::string_view url;
    std::string endpoint;
    std::string host;
    std::string target;
  };
  const Row kRows[] = {
      {"http://store/a", "store:80", "store", "/a"},
      {"http://store:9000/a/b?x=%2F&y", "store:9000", "store:9000", "/a/b?x=%2F&y"},
      {"http://store", "store:80", "store", "/"},
      {"http://store?x", "store:80", "store", "/?x"},
      {"http://store/a#b?c", "store:80", "store", "/a"},
      {"http://store#b", "store:80", "store", "/"},
      {"http://10.0.0.1:1/", "10.0.0.1:1", "10.0.0.1:1", "/"},
      {"http://[::1]:9000/a", "[::1]:9000", "[::1]:9000", "/a"},
      {"http://[2001:db8::1]/a", "[2001:db8::1]:80", "[2001:db8::1]", "/a"},
      {"http://store//a/../b", "store:80", "store", "//a/../b"},
  };
  for (const auto& row : kRows) {
    CAPTURE(row.url);
    const auto parsed = RedirectTarget::parse(row.url);
    REQUIRE(parsed.has_value());
    CHECK(parsed->endpoint.to_string() == row.endpoint);
    CHECK(parsed->host == row.host);
    CHECK(parsed->target == row.target);
  }
}

TEST_CASE("redirect: everything else is followed nowhere") {
  const std::string_view kBad[] = {
      "",
      "/a",
      "//store/a",
      "store/a",
      "https://store/a",
      "HTTP://store/a",
      "ftp://store/a",
      "file:///etc/passwd",
      "http:store/a",
      "http:///a",
      "http://",
      "http://:80/a",
      "http://user@store/a",
      "http://user:password@store/a",
      "http://store:/a",
      "http://store:0/a",
      "http://store:65536/a",
      "http://store:80x/a",
      "http://store:80:81/a",
      "http://[::1/a",
      "http://[]/a",
      "http://[::1]x/a",
      "http://st ore/a",
      "http://store\\x/a",
      "http://store/a b",
      "http://store/a\r\nX: y",
      "http://store/\x7f",
      "http://store/\xc3\xa4",
  };
  for (const auto url : kBad) {
    CAPTURE(url);
    CHECK_FALSE(RedirectTarget::parse(url).has_value());
  }
}

TEST_CASE("redirect: which statuses are one") {
  for (const int status : {301, 302, 303, 307, 308}) CHECK(is_redirect(status));
  for (const int status : {200, 300, 304, 305, 306, 309, 404}) CHECK_FALSE(is_redirect(status));
}

}  // namespace layergate::proxy
