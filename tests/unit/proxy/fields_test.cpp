#include "proxy/fields.h"

#include <doctest/doctest.h>

#include "proxy/http.h"

namespace layergate::proxy {

TEST_CASE("fields: names as they stand, values without surrounding blanks") {
  const auto fields = parse_fields("A: b\r\nc!#$%&'*+-.^`|~9: \t d e \t\r\nEmpty:\r\nX:a:b\r\n");
  REQUIRE(fields.has_value());
  REQUIRE(fields->size() == 4);
  CHECK((*fields)[0].name == "A");
  CHECK((*fields)[0].value == "b");
  CHECK((*fields)[1].name == "c!#$%&'*+-.^`|~9");
  CHECK((*fields)[1].value == "d e");
  CHECK((*fields)[2].value.empty());
  CHECK((*fields)[3].value == "a:b");
  CHECK(parse_fields("")->empty());
}

TEST_CASE("fields: what is no field line is refused") {
  const std::string_view kBad[] = {
      "\r\n",       " A: b\r\n",    "\tA: b\r\n", "A: b\r\n c\r\n",  "A : b\r\n",
      "A\t: b\r\n", ": b\r\n",      "A\r\n",      "A_B: c\r\n",      "_: c\r\n",
      "A(: b\r\n",  "\"A\": b\r\n", "A,B: c\r\n", "\xc3\xa4: b\r\n", "A: b\r\n\r\nC: d\r\n",
  };
  for (const auto text : kBad) {
    CAPTURE(text);
    const auto fields = parse_fields(text);
    REQUIRE_FALSE(fields.has_value());
    CHECK(fields.error().status == 400);
    CHECK_FALSE(fields.error().what.empty());
  }
}

TEST_CASE("fields: a hundred and no more") {
  std::string text;
  for (std::size_t i = 0; i < kMaxHeadFields; ++i) text += "A: b\r\n";
  REQUIRE(parse_fields(text).has_value());
  CHECK(parse_fields(text)->size() == kMaxHeadFields);
  const auto more = parse_fields(text + "A: b\r\n");
  REQUIRE_FALSE(more.has_value());
  CHECK(more.error().status == 431);
}

TEST_CASE("fields: a list's empty elements are dropped") {
  struct Row {
    std::string_view value;
    std::vector<std::string_view> elements;
  };
  const Row kRows[] = {
      {"", {}},       {",", {}},           {" , ,\t", {}},
      {"a", {"a"}},   {"a,b", {"a", "b"}}, {" a b , ,c\t", {"a b", "c"}},
      {",a,", {"a"}},
  };
  for (const auto& [value, elements] : kRows) {
    const auto& this_value = value;
    CAPTURE(this_value);
    std::vector<std::string_view> out;
    split_list(value, out);
    CHECK(out == elements);
  }
  std::vector<std::string_view> out{"before"};
  split_list("a", out);
  CHECK(out == std::vector<std::string_view>{"before", "a"});
}

}  // namespace layergate::proxy
