#include "base/quantity.h"

#include <doctest/doctest.h>

namespace layergate {

TEST_CASE("quantity: lengths of time") {
  using namespace std::chrono_literals;
  CHECK(parse_duration("0") == 0ms);
  CHECK(parse_duration("250ms") == 250ms);
  CHECK(parse_duration("7d") == 168h);
  CHECK(parse_duration("3650d") == 3650 * 24h);
  for (const auto* text :
       {"", "7", "d", "7 d", "-7d", "3651d", "1.5h", "7D", "18446744073709551616s"}) {
    CAPTURE(text);
    CHECK(parse_duration(text) == std::nullopt);
  }
}

TEST_CASE("quantity: sizes") {
  CHECK(parse_size("4096") == 4096);
  CHECK(parse_size("4096B") == 4096);
  CHECK(parse_size("2GiB") == 2ULL << 30);
  for (const auto* text : {"", "B", "-1", "1KB", "1 KiB", "9223372036854775808", "8388608TiB"}) {
    CAPTURE(text);
    CHECK(parse_size(text) == std::nullopt);
  }
}

}  // namespace layergate
