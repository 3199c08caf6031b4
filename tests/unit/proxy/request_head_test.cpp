#include "proxy/request_head.h"

#include <string>

#include <doctest/doctest.h>

namespace layergate::proxy {
namespace {

// The status of the refusal, or 0 for a head that is taken.
int refused(std::string_view text) {
  const auto head = parse_request_head(text);
  return head ? 0 : head.error().status;
}

std::string with(std::string_view fields, std::string_view line = "PUT /v2/ HTTP/1.1") {
  return std::string(line) + "\r\nHost: a\r\n" + std::string(fields) + "\r\n";
}

RequestHead must_parse(std::string_view text) {
  const auto head = parse_request_head(text);
  REQUIRE_MESSAGE(head.has_value(), (head ? std::string() : head.error().what));
  return *head;
}

}  // namespace

TEST_CASE("request head: what the proxy decides on is read out of it") {
  const std::string text =
      "PATCH /v2/a/blobs/uploads/x?_state=%41&y HTTP/1.1\r\n"
      "host: registry.example.com:5000\r\n"
      "AUTHORIZATION:Basic YTpi\r\n"
      "Content-Type: \t application/octet-stream \r\n"
      "Content-Range: 0-9\r\n"
      "Content-Length: 010\r\n"
      "Range: bytes=0-1\r\n"
      "If-None-Match: \"x\"\r\n"
      "User-Agent: docker/24 (linux; x)\r\n"
      "Accept: a/b, c/d;q=0.5\r\n"
      "accept: ,e/f,\r\n"
      "X-Forwarded-For: 10.0.0.1, 10.0.0.2\r\n"
      "X-Forwarded-For: 10.0.0.3\r\n"
      "Expect: 100-Continue\r\n"
      "X-Unknown:\r\n"
      "\r\n";
  const auto head = must_parse(text);
  CHECK(head.method == Method::patch);
  CHECK(head.path == "/v2/a/blobs/uploads/x");
  CHECK(head.query == "_state=%41&y");
  CHECK_FALSE(head.http10);
  CHECK(head.keep_alive);
  CHECK(head.expect_continue);
  CHECK(head.body.kind == Framing::Kind::length);
  CHECK(head.body.length == 10);
  CHECK(head.host == "registry.example.com:5000");
  CHECK(head.has_authorization);
  CHECK(head.authorization == "Basic YTpi");
  CHECK(head.content_type == "application/octet-stream");
  CHECK(head.content_range == "0-9");
  CHECK(head.range == "bytes=0-1");
  CHECK(head.if_none_match == "\"x\"");
  CHECK(head.user_agent == "docker/24 (linux; x)");
  CHECK(head.accept == std::vector<std::string_view>{"a/b", "c/d;q=0.5", "e/f"});
  CHECK(head.forwarded_for == std::vector<std::string_view>{"10.0.0.1", "10.0.0.2", "10.0.0.3"});
}

TEST_CASE("request head: request lines and what they get") {
  struct Row {
    std::string_view line;
    int status;
  };
  const Row kRows[] = {
      {"GET /v2/ HTTP/1.1", 0},
      {"GET /v2/?n=1 HTTP/1.0", 0},
      {"HEAD / HTTP/1.1", 0},
      {"DELETE /v2/a%2fb HTTP/1.1", 0},  // the route's to refuse
      {"GET  /v2/ HTTP/1.1", 400},
      {"GET /v2/  HTTP/1.1", 400},
      {"GET /v2/ HTTP/1.1 ", 400},
      {"GET\t/v2/ HTTP/1.1", 400},
      {"GET /v2/", 400},
      {"GET", 400},
      {"GET /a b HTTP/1.1", 400},
      {"GET http://registry/v2/ HTTP/1.1", 400},
      {"GET * HTTP/1.1", 400},
      {"GET v2/ HTTP/1.1", 400},
      {"GET /v2/#x HTTP/1.1", 400},
      {"GET /v2/\\x HTTP/1.1", 400},
      {"GET /v2/\xc3\xa4 HTTP/1.1", 400},
      {"GET /v2/ HTTP/1.2", 505},
      {"GET /v2/ HTTP/2.0", 505},
      {"GET /v2/ HTTP/0.9", 505},
      {"GET /v2/ http/1.1", 400},
      {"GET /v2/ HTTP/1.1x", 400},
      {"GET /v2/ HTTP/11", 400},
      {"GET /v2/ HTTP/1.", 400},
      {"GET /v2/ ICY/1.1", 400},
      {"OPTIONS * HTTP/1.1", 405},
      {"CONNECT a:443 HTTP/1.1", 405},
      {"TRACE / HTTP/1.1", 405},
      {"BREW / HTTP/1.1", 501},
      {"PRI * HTTP/2.0", 501},
      {"Get / HTTP/1.1", 501},
      {"G(T / HTTP/1.1", 400},
  };
  for (const auto& [line, status] : kRows) {
    const auto& this_line = line;
    CAPTURE(this_line);
    CHECK(refused(with("", line)) == status);
  }
}

TEST_CASE("request head: fields that disagree about the body's end are refused") {
  struct Row {
    std::string_view fields;
    int status;
  };
  const Row kRows[] = {
      {"Content-Length: 5\r\n", 0},
      {"Transfer-Encoding: chunked\r\n", 0},
      {"transfer-encoding: CHUNKED\r\n", 0},
      {"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", 400},
      {"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", 400},
      {"Content-Length: 5\r\nContent-Length: 5\r\n", 400},
      {"Content-Length: 5, 5\r\n", 400},
      {"Content-Length:\r\n", 400},
      {"Content-Length: +5\r\n", 400},
      {"Content-Length: -5\r\n", 400},
      {"Content-Length: 0x5\r\n", 400},
      {"Content-Length: 5 5\r\n", 400},
      {"Content-Length: 5.0\r\n", 400},
      {"Content-Length: 9223372036854775807\r\n", 0},
      {"Content-Length: 9223372036854775808\r\n", 400},
      {"Content-Length: 18446744073709551621\r\n", 400},
      {"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", 400},
      {"Transfer-Encoding: chunked, identity\r\n", 400},
      {"Transfer-Encoding: gzip, chunked\r\n", 400},
      {"Transfer-Encoding: xchunked\r\n", 400},
      {"Transfer-Encoding: \"chunked\"\r\n", 400},
      {"Transfer-Encoding:\r\n", 400},
      {"Transfer-Encoding : chunked\r\n", 400},
      {"Transfer_Encoding: chunked\r\n", 400},
      {"Transfer-Encoding:\r\n chunked\r\n", 400},
      {"X: a\r\n b\r\n", 400},
      {"X: a\r\n\tb\r\n", 400},
      {": x\r\n", 400},
      {"no colon\r\n", 400},
      {"Host: b\r\n", 400},
      {"Authorization: Basic a\r\nAuthorization: Basic a\r\n", 400},
      {"Content-Type: a/b\r\nContent-Type: a/b\r\n", 400},
      {"Content-Range: 0-1\r\nContent-Range: 0-1\r\n", 400},
      {"Range: bytes=0-1\r\nRange: bytes=0-1\r\n", 400},
      {"If-None-Match: a\r\nIf-None-Match: a\r\n", 400},
      {"Expect: 100-continue\r\n", 0},
      {"Expect: 200-ok\r\n", 417},
      {"Expect:\r\n", 417},
  };
  for (const auto& [fields, status] : kRows) {
    const auto& this_fields = fields;
    CAPTURE(this_fields);
    CHECK(refused(with(fields)) == status);
  }
  CHECK(refused(with("Transfer-Encoding: chunked\r\n", "PUT / HTTP/1.0")) == 400);
}

TEST_CASE("request head: GET and HEAD take no body") {
  for (const auto* method : {"GET", "HEAD"}) {
    const auto line = std::string(method) + " /v2/ HTTP/1.1";
    CHECK(refused(with("Content-Length: 0\r\n", line)) == 0);
    CHECK(refused(with("Content-Length: 1\r\n", line)) == 400);
    CHECK(refused(with("Transfer-Encoding: chunked\r\n", line)) == 400);
  }
}

TEST_CASE("request head: Host stands once and is a host") {
  struct Row {
    std::string_view host;
    int status;
  };
  const Row kRows[] = {
      {"a", 0},           {"registry_1.example.com:5000", 0},
      {"127.0.0.1", 0},   {"[::1]:5000", 0},
      {"[::1]", 0},       {"", 400},
      {":5000", 400},     {"a:", 400},
      {"a:0", 400},       {"a:65536", 400},
      {"a:1:2", 400},     {"::1", 400},
      {"[::1", 400},      {"[]", 400},
      {"[::1]x", 400},    {"[g::1]", 400},
      {"a b", 400},       {"a/b", 400},
      {"u@a", 400},       {"a,b", 400},
      {"a\xc3\xa4", 400},
  };
  for (const auto& [host, status] : kRows) {
    const auto& this_host = host;
    CAPTURE(this_host);
    CHECK(refused("GET / HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n") == status);
  }
  CHECK(refused("GET / HTTP/1.1\r\n\r\n") == 400);
  CHECK(refused("GET / HTTP/1.0\r\n\r\n") == 400);
}

TEST_CASE("request head: whether the connection stays open") {
  struct Row {
    std::string_view line;
    std::string_view fields;
    bool keep_alive;
  };
  const Row kRows[] = {
      {"GET / HTTP/1.1", "", true},
      {"GET / HTTP/1.1", "Connection: close\r\n", false},
      {"GET / HTTP/1.1", "Connection: x, CLOSE\r\n", false},
      {"GET / HTTP/1.1", "Connection: keep-alive\r\nConnection: close\r\n", false},
      {"GET / HTTP/1.0", "", false},
      {"GET / HTTP/1.0", "Connection: Keep-Alive\r\n", true},
      {"GET / HTTP/1.0", "Connection: keep-alive, close\r\n", false},
  };
  for (const auto& [line, fields, keep_alive] : kRows) {
    const auto& this_line = line;
    CAPTURE(this_line);
    const auto& this_fields = fields;
    CAPTURE(this_fields);
    CHECK(must_parse(with(fields, line)).keep_alive == keep_alive);
  }
}

TEST_CASE("request head: 100-continue is only for a body to come, and not in HTTP/1.0") {
  const std::string fields = "Expect: 100-continue\r\nContent-Length: 1\r\n";
  CHECK(must_parse(with(fields)).expect_continue);
  CHECK_FALSE(must_parse(with(fields, "PUT / HTTP/1.0")).expect_continue);
  CHECK_FALSE(must_parse(with("Expect: 100-continue\r\n")).expect_continue);
}

TEST_CASE("request head: a hundred fields and no more") {
  std::string fields;
  for (int i = 0; i < 99; ++i) fields += "X: y\r\n";  // Host is the hundredth
  CHECK(refused(with(fields)) == 0);
  CHECK(refused(with(fields + "X: y\r\n")) == 431);
}

TEST_CASE("request head: half a head is none") {
  const auto text = with("X: y\r\n");
  for (std::size_t size = 0; size < text.size(); ++size) {
    CAPTURE(size);
    CHECK(refused(std::string_view(text).substr(0, size)) == 400);
  }
}

}  // namespace layergate::proxy
