#include "manage/when.h"

#include <string>

#include <doctest/doctest.h>

namespace layergate::manage {

TEST_CASE("when: a date, a time, or a length from now on") {
  const auto now = *parse_time("2026-03-01T12:00:00Z");
  struct Row {
    const char* text;
    const char* time;
  };
  for (const Row& row :
       {Row{"30d", "2026-03-31T12:00:00.000Z"}, Row{"12h", "2026-03-02T00:00:00.000Z"},
        Row{"45m", "2026-03-01T12:45:00.000Z"}, Row{"2026-03-02", "2026-03-02T00:00:00.000Z"},
        Row{"2026-03-02T08:00:00+08:00", "2026-03-02T00:00:00.000Z"}}) {
    CAPTURE(row.text);
    const auto when = parse_when(row.text, now);
    REQUIRE(when);
    CHECK(format_time(*when) == row.time);
  }
}

TEST_CASE("when: what is no time to come is refused") {
  const auto now = *parse_time("2026-03-01T12:00:00Z");
  for (const char* text :
       {"", "d", "30", "0d", "-1d", "+1d", "1.5d", "30 d", "2w", "100001d", "99999999999999999999d",
        "2026-02-30", "tomorrow", "never", "2026-03-01", "2025-03-02T00:00:00Z"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_when(text, now));
  }
}

}  // namespace layergate::manage
