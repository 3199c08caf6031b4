#include "base/clock.h"

#include <doctest/doctest.h>

namespace layergate {

TEST_CASE("clock: RFC 3339 is read, and written in UTC") {
  struct Row {
    const char* text;
    const char* utc;
  };
  const Row rows[] = {
      {"2027-01-31", "2027-01-31T00:00:00.000Z"},
      {"2027-01-31T18:00:00Z", "2027-01-31T18:00:00.000Z"},
      {"2027-01-31t18:00:00z", "2027-01-31T18:00:00.000Z"},
      {"2027-01-31 18:00:00Z", "2027-01-31T18:00:00.000Z"},
      {"2027-01-31T18:00:00+08:00", "2027-01-31T10:00:00.000Z"},
      {"2027-01-31T18:00:00-05:30", "2027-01-31T23:30:00.000Z"},
      {"2027-12-31T23:59:59-00:01", "2028-01-01T00:00:59.000Z"},
      {"2027-01-31T18:00:00.5Z", "2027-01-31T18:00:00.500Z"},
      {"2027-01-31T18:00:00.123456789Z", "2027-01-31T18:00:00.123Z"},
      {"2028-02-29", "2028-02-29T00:00:00.000Z"},
      {"1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999Z"},
      {"0000-01-01", "0000-01-01T00:00:00.000Z"},
      {"9999-12-31T23:59:59Z", "9999-12-31T23:59:59.000Z"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    const auto time = parse_time(row.text);
    REQUIRE(time);
    CHECK(format_time(*time) == row.utc);
    CHECK(parse_time(format_time(*time)) == time);
  }
}

TEST_CASE("clock: what is no time is refused") {
  for (const char* text : {"",
                           "2027",
                           "2027-1-31",
                           "2027-02-30",
                           "2027-02-29",
                           "2027-13-01",
                           "2027-00-10",
                           "2027-01-00",
                           "27-01-31",
                           "2027/01/31",
                           "2027-01-31T",
                           "2027-01-31T18:00:00",
                           "2027-01-31T18:00Z",
                           "2027-01-31T24:00:00Z",
                           "2027-01-31T18:60:00Z",
                           "2027-01-31T18:00:60Z",
                           "2027-01-31T18:00:00.Z",
                           "2027-01-31T18:00:00.1234567890Z",
                           "2027-01-31T18:00:00+8:00",
                           "2027-01-31T18:00:00+0800",
                           "2027-01-31T18:00:00+24:00",
                           "2027-01-31T18:00:00+08:60",
                           "2027-01-31T18:00:00Zx",
                           "2027-01-31Z",
                           " 2027-01-31",
                           "2027-01-31 ",
                           "0000-01-01T00:00:00+00:01",
                           "9999-12-31T23:59:59-00:01",
                           "tomorrow"}) {
    CAPTURE(std::string{text});
    CHECK_FALSE(parse_time(text));
  }
}

TEST_CASE("clock: now is a time of our days, in milliseconds") {
  CHECK(wall_now() > *parse_time("2024-01-01"));
  CHECK(wall_now() < *parse_time("2200-01-01"));
}

TEST_CASE("clock: dates as HTTP writes them") {
  CHECK(http_date(*parse_time("2027-01-31T00:00:00.999Z")) == "Sun, 31 Jan 2027 00:00:00 GMT");
  CHECK(http_date(*parse_time("1994-11-06T08:49:37Z")) == "Sun, 06 Nov 1994 08:49:37 GMT");
  CHECK(http_date(*parse_time("2024-02-29T23:59:59Z")) == "Thu, 29 Feb 2024 23:59:59 GMT");
}

}  // namespace layergate
