#include "proxy/byte_range.h"

#include <doctest/doctest.h>

namespace layergate::proxy {

TEST_CASE("byte range: one part is read, all else is none") {
  for (const auto* text : {"bytes=0-9", "bytes=5-", "bytes=-5", "bytes=5-2", "bytes=-0"}) {
    CAPTURE(text);
    const auto range = ByteRange::parse(text);
    REQUIRE(range);
    CHECK(range->to_field() == text);
  }
  for (const auto* text : {"", "bytes", "bytes=", "bytes=-", "bytes=5", "bytes= 1-2", "bytes=1-2 ",
                           "bytes=1-2,5-6", "bytes=+1-2", "bytes=a-b", "bytes=1--2", "lines=1-2",
                           "Bytes=1-2", "bytes=1-99999999999999999999999"}) {
    CAPTURE(text);
    CHECK_FALSE(ByteRange::parse(text));
  }
}

TEST_CASE("byte range: which bytes are meant") {
  struct Row {
    const char* text;
    std::uint64_t size;
    std::optional<ByteSpan> span;
  };
  const Row rows[] = {
      {"bytes=0-9", 100, ByteSpan{0, 9}},
      {"bytes=0-99", 100, ByteSpan{0, 99}},
      {"bytes=0-100", 100, ByteSpan{0, 99}},
      {"bytes=99-", 100, ByteSpan{99, 99}},
      {"bytes=100-", 100, std::nullopt},
      {"bytes=100-200", 100, std::nullopt},
      {"bytes=-1", 100, ByteSpan{99, 99}},
      {"bytes=-100", 100, ByteSpan{0, 99}},
      {"bytes=-101", 100, ByteSpan{0, 99}},
      {"bytes=0-", 0, std::nullopt},
      {"bytes=-1", 0, std::nullopt},
      {"bytes=0-0", 1, ByteSpan{0, 0}},
      {"bytes=5-18446744073709551615", 9, ByteSpan{5, 8}},
      {"bytes=-18446744073709551615", 9, ByteSpan{0, 8}},
  };
  for (const auto& row : rows) {
    CAPTURE(row.text);
    const auto range = ByteRange::parse(row.text);
    REQUIRE(range);
    CHECK(range->is_plain());
    CHECK(range->of(row.size) == row.span);
  }
  CHECK_FALSE(ByteRange::parse("bytes=5-2")->is_plain());
  CHECK_FALSE(ByteRange::parse("bytes=-0")->is_plain());
}

}  // namespace layergate::proxy
