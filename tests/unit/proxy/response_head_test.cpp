#include "proxy/response_head.h"

#include <string>

#include <doctest/doctest.h>

namespace layergate::proxy {
namespace {

constexpr std::uint64_t kNone = ~0ULL;
constexpr std::uint64_t kChunked = ~0ULL - 1;
constexpr std::uint64_t kRefused = ~0ULL - 2;

// The body's length, or what else is known about it.
std::uint64_t body_of(std::string_view line, std::string_view fields, Method to) {
  const auto text = std::string(line) + "\r\n" + std::string(fields) + "\r\n";
  const auto head = parse_response_head(text, to);
  if (!head) return kRefused;
  switch (head->body.kind) {
    case Framing::Kind::none:
      return kNone;
    case Framing::Kind::chunked:
      return kChunked;
    case Framing::Kind::length:
      return head->body.length;
  }
  return kRefused;
}

}  // namespace

TEST_CASE("response head: status and fields, in their order") {
  const std::string text =
      "HTTP/1.1 206 Partial Content\r\nA: 1\r\ncontent-length: 7\r\nA: 2\r\nEmpty:\r\n\r\n";
  const auto head = parse_response_head(text, Method::get);
  REQUIRE(head.has_value());
  CHECK(head->status == 206);
  CHECK(head->keep_alive);
  CHECK(head->body.length == 7);
  CHECK(head->fields.size() == 4);
  CHECK(head->find("a") == "1");
  CHECK(head->find("Content-Length") == "7");
  CHECK(head->find("Empty").empty());
  CHECK(head->find("B").empty());
}

TEST_CASE("response head: status lines and whether they are one") {
  struct Row {
    std::string_view line;
    bool taken;
  };
  const Row kRows[] = {
      {"HTTP/1.1 200 OK", true},   {"HTTP/1.1 200 ", true},    {"HTTP/1.1 200", true},
      {"HTTP/1.0 200 OK", true},   {"HTTP/1.1 599 Odd", true}, {"HTTP/1.1 099 Low", false},
      {"HTTP/1.1 600 Hi", false},  {"HTTP/1.1 20", false},     {"HTTP/1.1 2000", false},
      {"HTTP/1.1 200OK", false},   {"HTTP/1.1 +20 x", false},  {"HTTP/1.1  200 OK", false},
      {"HTTP/1.1", false},         {"HTTP/1.1 ", false},       {"HTTP/2 200 OK", false},
      {"HTTP/1.2 200 OK", false},  {"http/1.1 200 OK", false}, {"ICY 200 OK", false},
      {"HTTP/1.1\t200 OK", false},
  };
  for (const auto& [line, taken] : kRows) {
    const auto& this_line = line;
    CAPTURE(this_line);
    CHECK((body_of(line, "Content-Length: 0\r\n", Method::get) != kRefused) == taken);
  }
}

TEST_CASE("response head: how the body ends, or that nothing says it") {
  struct Row {
    std::string_view fields;
    std::uint64_t body;
  };
  const Row kRows[] = {
      {"Content-Length: 5\r\n", 5},
      {"Content-Length: 0\r\n", kNone},
      {"Content-Length: 5\r\nContent-Length: 5\r\n", 5},
      {"Content-Length: 5\r\nContent-Length: 6\r\n", kRefused},
      {"Content-Length:\r\nContent-Length: 5\r\n", kRefused},
      {"Content-Length: 5\r\nContent-Length:\r\n", kRefused},
      {"Content-Length: 5x\r\n", kRefused},
      {"Content-Length: -1\r\n", kRefused},
      {"Content-Length:\r\n", kRefused},
      {"Transfer-Encoding: chunked\r\n", kChunked},
      {"Transfer-Encoding: Chunked\r\n", kChunked},
      {"Transfer-Encoding: gzip, chunked\r\n", kRefused},
      {"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", kRefused},
      {"Transfer-Encoding:\r\nTransfer-Encoding: chunked\r\n", kRefused},
      {"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", kRefused},
      {"Transfer-Encoding: chunked\r\nContent-Length:\r\n", kRefused},
      {"Transfer-Encoding:\r\nContent-Length: 5\r\n", kRefused},
      {"Connection: close\r\n", kRefused},
      {"", kRefused},
      {"X: a\r\n b\r\nContent-Length: 5\r\n", kRefused},
      {"X_Y: a\r\nContent-Length: 5\r\n", kRefused},
  };
  for (const auto& [fields, body] : kRows) {
    const auto& this_fields = fields;
    CAPTURE(this_fields);
    CHECK(body_of("HTTP/1.1 200 OK", fields, Method::get) == body);
  }
}

TEST_CASE("response head: answers that have no body, whatever their fields say") {
  const std::string_view kFields[] = {"Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n",
                                      ""};
  for (const auto fields : kFields) {
    CAPTURE(fields);
    CHECK(body_of("HTTP/1.1 200 OK", fields, Method::head) == kNone);
    CHECK(body_of("HTTP/1.1 204 No Content", fields, Method::erase) == kNone);
    CHECK(body_of("HTTP/1.1 304 Not Modified", fields, Method::get) == kNone);
    CHECK(body_of("HTTP/1.1 100 Continue", fields, Method::put) == kNone);
  }
  // But what is malformed stays so.
  CHECK(body_of("HTTP/1.1 200 OK", "Content-Length: x\r\n", Method::head) == kRefused);
}

TEST_CASE("response head: whether the registry keeps its connection") {
  struct Row {
    std::string_view text;
    bool keep_alive;
  };
  const Row kRows[] = {
      {"HTTP/1.1 204 x\r\n\r\n", true},
      {"HTTP/1.1 204 x\r\nConnection: Close\r\n\r\n", false},
      {"HTTP/1.1 204 x\r\nConnection: x, close\r\n\r\n", false},
      {"HTTP/1.1 204 x\r\nConnection: keep-alive\r\n\r\n", true},
      {"HTTP/1.0 204 x\r\n\r\n", false},
      {"HTTP/1.0 204 x\r\nConnection: keep-alive\r\n\r\n", false},
  };
  for (const auto& [text, keep_alive] : kRows) {
    const auto& this_text = text;
    CAPTURE(this_text);
    const auto head = parse_response_head(text, Method::get);
    REQUIRE(head.has_value());
    CHECK(head->keep_alive == keep_alive);
  }
}

}  // namespace layergate::proxy
