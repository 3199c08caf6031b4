#include "proxy/chunk_decoder.h"

#include <ostream>
#include <string>
#include <vector>

#include <doctest/doctest.h>

namespace layergate::proxy {
namespace {

using Result = ChunkDecoder::Result;

struct Decoded {
  Result result = Result::partial;
  std::string body;
  std::size_t consumed = 0;

  bool operator==(const Decoded&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Decoded& decoded) {
  return out << "result " << static_cast<int>(decoded.result) << ", \"" << decoded.body << "\", "
             << decoded.consumed << " bytes consumed";
}

// Feeds pieces that end at each of `cuts`, and stops at the first answer that is not partial.
Decoded decode(const std::string& text, std::vector<std::size_t> cuts) {
  cuts.push_back(text.size());
  ChunkDecoder decoder;
  Decoded all;
  std::size_t start = 0;
  for (const auto cut : cuts) {
    auto piece = text.substr(start, cut - start);
    const auto step = decoder.decode(piece);
    CHECK(step.produced <= step.consumed);
    all.body += piece.substr(0, step.produced);
    all.consumed += step.consumed;
    all.result = step.result;
    if (step.result != Result::partial) break;
    CHECK(step.consumed == piece.size());
    start = cut;
  }
  return all;
}

Decoded decode_bytewise(const std::string& text) {
  std::vector<std::size_t> cuts;
  for (std::size_t i = 1; i < text.size(); ++i) cuts.push_back(i);
  return decode(text, cuts);
}

void check_every_split(const std::string& text, const Decoded& wanted) {
  CHECK(decode(text, {}) == wanted);
  CHECK(decode_bytewise(text) == wanted);
  for (std::size_t first = 0; first <= text.size(); ++first) {
    CAPTURE(first);
    CHECK(decode(text, {first}) == wanted);
  }
  if (text.size() > 60) return;
  for (std::size_t first = 0; first <= text.size(); ++first) {
    for (std::size_t second = first; second <= text.size(); ++second) {
      CAPTURE(first);
      CAPTURE(second);
      CHECK(decode(text, {first, second}) == wanted);
    }
  }
}

void check_whole(const std::string& text, const std::string& body) {
  check_every_split(text, {Result::complete, body, text.size()});
}

void check_bad(const std::string& text) {
  CAPTURE(text);
  CHECK(decode(text, {}).result == Result::bad);
  CHECK(decode_bytewise(text) == decode(text, {}));
}

}  // namespace

TEST_CASE("chunks: every split gives the same body") {
  check_whole("0\r\n\r\n", "");
  check_whole("5\r\nhello\r\n0\r\n\r\n", "hello");
  check_whole("1\r\na\r\n2\r\nbc\r\nA\r\n0123456789\r\n0\r\n\r\n", "abc0123456789");
  check_whole("a\r\n\r\n0\r\n\r\n\r\n!\r\n0\r\n\r\n", "\r\n0\r\n\r\n\r\n!");
  check_whole("003\r\nabc\r\n000\r\n\r\n", "abc");
}

TEST_CASE("chunks: extensions and trailers are dropped") {
  check_whole("1;a=b;c=\"d;\t\"\r\nx\r\n0;last\r\nA: b\r\nC:\r\n\r\n", "x");
}

TEST_CASE("chunks: what stands behind the end is left alone") {
  const std::string text = "1\r\nx\r\n0\r\n\r\n";
  for (const auto* next : {"GET / HTTP/1.1\r\n", "\r\n", "0\r\n\r\n", "\n"}) {
    CAPTURE(next);
    check_every_split(text + next, {Result::complete, "x", text.size()});
  }
}

TEST_CASE("chunks: an unfinished body is partial to its last byte") {
  const std::string text = "5;x\r\nhello\r\n0\r\nA: b\r\n\r\n";
  for (std::size_t size = 0; size < text.size(); ++size) {
    CAPTURE(size);
    CHECK(decode(text.substr(0, size), {}).result == Result::partial);
  }
}

TEST_CASE("chunks: what other decoders let pass is refused") {
  const std::string kBad[] = {
      "\r\n0\r\n\r\n",
      " 1\r\nx\r\n0\r\n\r\n",
      "1 \r\nx\r\n0\r\n\r\n",
      "1 ;a\r\nx\r\n0\r\n\r\n",
      "1\nx\r\n0\r\n\r\n",
      "1\r\nx\n0\r\n\r\n",
      "1\r\nx\r0\r\n\r\n",
      "1\r\rx\r\n0\r\n\r\n",
      "1\r\nxy\r\n0\r\n\r\n",
      "1\r\nx0\r\n\r\n",
      "0x1\r\nx\r\n0\r\n\r\n",
      "+1\r\nx\r\n0\r\n\r\n",
      "-1\r\nx\r\n0\r\n\r\n",
      "g\r\n\r\n",
      ";a\r\n\r\n",
      "1;a\nx\r\n0\r\n\r\n",
      "1;a\rb\r\nx\r\n0\r\n\r\n",
      std::string("1;\0\r\nx\r\n0\r\n\r\n", 13),
      "1;\x7f\r\nx\r\n0\r\n\r\n",
      "0\r\n\n",
      "0\r\n\rX",
      "0\r\nA: b\n\r\n",
      "0\r\nA\r\n\r\n",
      "0\r\nA : b\r\n\r\n",
      "0\r\n: b\r\n\r\n",
      "0\r\n A: b\r\n\r\n",
      "0\r\nA: b\r\n c\r\n\r\n",
      std::string("0\r\nA: \0\r\n\r\n", 11),
  };
  for (const auto& text : kBad) check_bad(text);
}

TEST_CASE("chunks: a size has at most fifteen digits, zeros included") {
  CHECK(decode("fffffffffffffff\r\nx", {}) == Decoded{Result::partial, "x", 18});
  check_bad("1000000000000000\r\nx");
  check_bad("0000000000000001\r\nx\r\n0\r\n\r\n");
  check_bad("ffffffffffffffffffffffff\r\n");
}

TEST_CASE("chunks: extensions and trailers are capped") {
  CHECK(decode("1;" + std::string(256, 'a') + "\r\nx\r\n0\r\n\r\n", {}).result == Result::complete);
  check_bad("1;" + std::string(257, 'a') + "\r\nx\r\n0\r\n\r\n");
  // Each chunk may have its own.
  const auto chunk = "1;" + std::string(200, 'a') + "\r\nx\r\n";
  CHECK(decode(chunk + chunk + chunk + "0\r\n\r\n", {}).body == "xxx");

  CHECK(decode("0\r\nA:" + std::string(4094, 'b') + "\r\n\r\n", {}).result == Result::complete);
  check_bad("0\r\nA:" + std::string(4095, 'b') + "\r\n\r\n");
  std::string many = "0\r\n";
  for (int i = 0; i < 2049; ++i) many += "A:\r\n";
  check_bad(many + "\r\n");
}

TEST_CASE("chunks: what is bad once stays bad") {
  ChunkDecoder decoder;
  std::string bad = "x";
  CHECK(decoder.decode(bad).result == Result::bad);
  std::string good = "0\r\n\r\n";
  const auto step = decoder.decode(good);
  CHECK(step.result == Result::bad);
  CHECK(step.consumed == 0);
}

}  // namespace layergate::proxy
