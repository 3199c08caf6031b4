#include "proxy/head_scanner.h"

#include <string>

#include <doctest/doctest.h>

#include "proxy/http.h"

namespace layergate::proxy {
namespace {

using Result = HeadScanner::Result;

struct Outcome {
  Result result;
  std::size_t size;  // complete only

  bool operator==(const Outcome&) const = default;
};

// The text arrives in pieces that end at `cut` and then one byte at a time, as it may from a slow
// client; the first answer that is not partial stands.
Outcome scan_in_pieces(std::string_view text, std::size_t cut) {
  HeadScanner scanner;
  for (auto size = cut; size <= text.size(); ++size) {
    const auto result = scanner.scan(text.substr(0, size));
    if (result != Result::partial) return {result, result == Result::complete ? scanner.size() : 0};
  }
  return {Result::partial, 0};
}

Outcome scan(std::string_view text) { return scan_in_pieces(text, text.size()); }

// Text behind the head does not change what it is.
void check_every_split(std::string_view text, const Outcome& wanted) {
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    CAPTURE(cut);
    CHECK(scan_in_pieces(text, cut) == wanted);
  }
}

}  // namespace

TEST_CASE("head scanner: a head ends with its empty line, wherever it is split") {
  const std::string head = "GET /v2/ HTTP/1.1\r\nHost: a\r\nX: \xc3\xa4\tb\r\n\r\n";
  check_every_split(head, {Result::complete, head.size()});
  check_every_split(head + "GET /next", {Result::complete, head.size()});
  check_every_split(head + "\x01\r\r\n", {Result::complete, head.size()});
  check_every_split("GET / HTTP/1.1\r\n\r\n", {Result::complete, 18});
}

TEST_CASE("head scanner: what is not finished is partial, and never bad") {
  const std::string head = "PUT /v2/a/manifests/b HTTP/1.1\r\nHost: a\r\n\r\n";
  for (std::size_t size = 0; size < head.size(); ++size) {
    CAPTURE(size);
    CHECK(scan(std::string_view(head).substr(0, size)).result == Result::partial);
  }
}

TEST_CASE("head scanner: what a lenient parser would read as a line's end is refused at once") {
  const std::string_view kBad[] = {
      "GET / HTTP/1.1\nHost: a\n\n",
      "GET / HTTP/1.1\r\nHost: a\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\n\n",
      "GET / HTTP/1.1\rHost: a\r\n\r\n",
      "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\n\r\r\n",
      "GET / HTTP/1.1\r\nX: a\rb\r\n\r\n",
      {"GET / HTTP/1.1\r\nX: a\0b\r\n\r\n", 26},
      "GET / HTTP/1.1\r\nX: a\x0b\r\n\r\n",
      "GET / HTTP/1.1\r\nX: a\x0c\r\n\r\n",
      "GET / HTTP/1.1\r\nX: a\x7f\r\n\r\n",
      "GET / HTTP/1.1\r\nX: \x1b[31m\r\n\r\n",
      "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
      "\nGET / HTTP/1.1\r\n\r\n",
      " GET / HTTP/1.1\r\n\r\n",
      "get / HTTP/1.1\r\n\r\n",
  };
  for (const auto text : kBad) {
    CAPTURE(text);
    check_every_split(text, {Result::bad, 0});
  }
}

TEST_CASE("head scanner: a TLS ClientHello is refused at its first byte") {
  CHECK(scan("\x16").result == Result::bad);
  CHECK(scan({"\x16\x03\x01\x02\x00\x01", 6}).result == Result::bad);
}

TEST_CASE("head scanner: the limit is exact, and says in which line it was passed") {
  const auto head_of = [](std::size_t size) {
    const std::string start = "GET / HTTP/1.1\r\nX: ";
    return start + std::string(size - start.size() - 4, 'a') + "\r\n\r\n";
  };
  CHECK(scan(head_of(kMaxHeadBytes)) == Outcome{Result::complete, kMaxHeadBytes});
  CHECK(scan(head_of(kMaxHeadBytes + 1)).result == Result::too_large);
  CHECK(scan(head_of(kMaxHeadBytes + 2)).result == Result::too_large);
  CHECK(scan(head_of(4 * kMaxHeadBytes)).result == Result::too_large);
  CHECK(scan("GET /" + std::string(kMaxHeadBytes, 'a')).result == Result::long_line);
  CHECK(scan("GET /" + std::string(kMaxHeadBytes - 5, 'a')).result == Result::partial);

  // A byte more or less in what arrives together changes nothing.
  const auto long_head = head_of(kMaxHeadBytes + 1);
  for (auto cut = kMaxHeadBytes - 4; cut <= long_head.size(); ++cut) {
    CAPTURE(cut);
    CHECK(scan_in_pieces(long_head, cut).result == Result::too_large);
  }
}

TEST_CASE("head scanner: a reset begins anew") {
  HeadScanner scanner;
  CHECK(scanner.scan("GET / HTTP/1.1\r\n\r\n") == Result::complete);
  scanner.reset();
  CHECK(scanner.size() == 0);
  CHECK(scanner.scan("\r\n") == Result::bad);
}

}  // namespace layergate::proxy
