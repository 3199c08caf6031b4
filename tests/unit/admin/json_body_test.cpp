#include "admin/json_body.h"

#include <doctest/doctest.h>

namespace layergate::admin {
namespace {

// What it was refused for, or "".
std::string refused(std::string_view text) {
  const auto body = parse_json_body(text);
  return body ? "" : body.error();
}

std::string nested(std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

}  // namespace

TEST_CASE("json body: what is JSON is taken, with its order") {
  const auto body =
      parse_json_body(R"({"b": [1, 2.5, -3e2, null, true, "\u00e4\n"], "a": {"b": {}}})");
  REQUIRE(body.has_value());
  CHECK(body->dump() == "{\"b\":[1,2.5,-300.0,null,true,\"\xc3\xa4\\n\"],\"a\":{\"b\":{}}}");
}

TEST_CASE("json body: what is no JSON is refused with its place") {
  for (const auto* text :
       {"", " ", "{", "{]", "[1,]", "{\"a\":1,}", "'a'", "nul", "01", ".5", "NaN", "\"\n\"",
        "\"\xff\"", "\"\\ud800\"", "1 2", "// a\n1", "{\"a\" 1}"}) {
    CAPTURE(text);
    CHECK(refused(text).starts_with("the body is no JSON from byte "));
  }
  CHECK_FALSE(refused("1e999").empty());
  CHECK_FALSE(refused(std::string_view("\0", 1)).empty());
}

TEST_CASE("json body: a name that stands twice in one object is refused, however it is written") {
  CHECK(refused(R"({"a": 1, "b": 2, "a": 3})") ==
        "the body cannot be taken: the name \"a\" stands twice");
  CHECK_FALSE(refused(R"({"a": 1, "\u0061": 3})").empty());
  CHECK_FALSE(refused(R"([{"x": {"a": 1, "a": 1}}])").empty());
  CHECK(refused(R"({"a": {"a": 1}, "b": {"a": 1}})").empty());
  CHECK(refused(R"([{"a": 1}, {"a": 1}])").empty());
}

TEST_CASE("json body: depth, members and values are bounded") {
  CHECK(refused(nested(16)).empty());
  CHECK_FALSE(refused(nested(17)).empty());
  CHECK_FALSE(refused(std::string(100'000, '[')).empty());
  const auto object = [](int members) {
    std::string text = "{";
    for (int i = 0; i < members; ++i) text += (i > 0 ? ",\"" : "\"") + std::to_string(i) + "\":0";
    return text + "}";
  };
  CHECK(refused(object(64)).empty());
  CHECK_FALSE(refused(object(65)).empty());
  std::string list = "[0";
  for (int i = 0; i < 200'000; ++i) list += ",0";
  CHECK_FALSE(refused(list + "]").empty());
}

}  // namespace layergate::admin
