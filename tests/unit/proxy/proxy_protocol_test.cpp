#include "proxy/proxy_protocol.h"

#include <string>

#include <doctest/doctest.h>

namespace layergate::proxy {
namespace {

using Result = ProxyHeader::Result;

std::string header(unsigned char command, unsigned char family, const std::string& rest) {
  std::string text("\r\n\r\n\0\r\nQUIT\n", 12);
  text += static_cast<char>(command);
  text += static_cast<char>(family);
  text += static_cast<char>(rest.size() >> 8);
  text += static_cast<char>(rest.size() & 0xff);
  return text + rest;
}

const std::string kV4("\xcb\x00\x71\x07\x7f\x00\x00\x01\x30\x39\x13\x88", 12);  // 203.0.113.7
const std::string kV6 =
    std::string("\x20\x01\x0d\xb8", 4) + std::string(11, '\0') + "\x01" + std::string(20, '\0');

}  // namespace

TEST_CASE("proxy protocol: the client's address is read") {
  const auto v4 = parse_proxy_header(header(0x21, 0x11, kV4) + "GET /");
  CHECK(v4.result == Result::complete);
  CHECK(v4.size == 28);
  REQUIRE(v4.address.has_value());
  CHECK(v4.address->to_string() == "203.0.113.7");
  CHECK(v4.address->is_v4());

  const auto v6 = parse_proxy_header(header(0x21, 0x21, kV6));
  CHECK(v6.result == Result::complete);
  CHECK(v6.size == 52);
  REQUIRE(v6.address.has_value());
  CHECK(v6.address->to_string() == "2001:db8::1");
}

TEST_CASE("proxy protocol: what follows the addresses is skipped") {
  const auto parsed = parse_proxy_header(header(0x21, 0x11, kV4 + std::string(2036, 'x')));
  CHECK(parsed.result == Result::complete);
  CHECK(parsed.size == 16 + 2048);
  CHECK(parse_proxy_header(header(0x21, 0x11, kV4 + std::string(2037, 'x'))).result == Result::bad);
}

TEST_CASE("proxy protocol: LOCAL has no address") {
  for (const auto& rest : {std::string(), kV4}) {
    const auto parsed = parse_proxy_header(header(0x20, 0x00, rest));
    CHECK(parsed.result == Result::complete);
    CHECK(parsed.size == 16 + rest.size());
    CHECK_FALSE(parsed.address.has_value());
  }
}

TEST_CASE("proxy protocol: a header that is not whole is partial at every length") {
  for (const auto& text : {header(0x21, 0x11, kV4), header(0x21, 0x21, kV6), header(0x20, 0, "")}) {
    for (std::size_t size = 1; size < text.size(); ++size) {
      CAPTURE(size);
      CHECK(parse_proxy_header(std::string_view(text).substr(0, size)).result == Result::partial);
    }
  }
}

TEST_CASE("proxy protocol: what begins otherwise is no header") {
  for (const auto* text : {"", "G", "GET / HTTP/1.1\r\n", "\r\n\r\nX", "\n", "\r\nGET",
                           "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n"}) {
    CAPTURE(text);
    CHECK(parse_proxy_header(text).result == Result::none);
  }
  auto text = header(0x21, 0x11, kV4);
  text[11] = '\r';
  CHECK(parse_proxy_header(text).result == Result::none);
}

TEST_CASE("proxy protocol: what no front end may say is refused") {
  CHECK(parse_proxy_header(header(0x11, 0x11, kV4)).result == Result::bad);  // version 1
  CHECK(parse_proxy_header(header(0x31, 0x11, kV4)).result == Result::bad);
  CHECK(parse_proxy_header(header(0x22, 0x11, kV4)).result == Result::bad);  // command 2
  CHECK(parse_proxy_header(header(0x21, 0x00, kV4)).result == Result::bad);  // no family
  CHECK(parse_proxy_header(header(0x21, 0x12, kV4)).result == Result::bad);  // UDP
  CHECK(parse_proxy_header(header(0x21, 0x31, kV6)).result == Result::bad);  // unix
  CHECK(parse_proxy_header(header(0x21, 0x11, kV4.substr(1))).result == Result::bad);
  CHECK(parse_proxy_header(header(0x21, 0x21, kV6.substr(1))).result == Result::bad);
  CHECK(parse_proxy_header(header(0x21, 0x21, kV4)).result == Result::bad);
}

}  // namespace layergate::proxy
