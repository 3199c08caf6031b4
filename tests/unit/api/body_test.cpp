#include "api/body.h"

#include <string>

#include <doctest/doctest.h>

namespace layergate::api {
namespace {

Call with(const std::string& text) {
  Call call;
  call.body = Json::parse(text);
  return call;
}

std::string detail(const BodyReader& body) {
  return body.problem() ? body.problem()->body.at("detail").get<std::string>() : "";
}

}  // namespace

TEST_CASE("body: values of the right type are read, absent ones are nothing") {
  const auto call = with(R"({"a": "x", "b": ["y", "z"], "c": true, "d": 7, "e": null})");
  BodyReader body(call, {"a", "b", "c", "d", "e", "f"});
  CHECK(body.required_text("a") == "x");
  CHECK(body.texts("b") == std::vector<std::string>{"y", "z"});
  CHECK(body.boolean("c") == true);
  CHECK(body.count("d") == 7);
  CHECK(body.is_null("e"));
  CHECK_FALSE(body.is_null("f"));
  CHECK_FALSE(body.text("f"));
  CHECK_FALSE(body.texts("f"));
  CHECK_FALSE(body.boolean("f"));
  CHECK_FALSE(body.count("f"));
  CHECK_FALSE(body.problem());
}

TEST_CASE("body: the first problem is told, and never a value") {
  struct Row {
    const char* text;
    const char* detail;
  };
  const std::string secret = "Granite-Harbour-42";
  for (const Row& row :
       {Row{R"({"pasword": "Granite-Harbour-42"})",
            "unknown key \"pasword\"; did you mean \"password\"?"},
        Row{R"({"zzzz": "Granite-Harbour-42"})",
            "unknown key \"zzzz\"; known are name, password, list, flag, size"},
        Row{R"({"name": 1})", "\"name\" must be text of at most 4096 bytes"},
        Row{R"({"name": null})", "\"name\" must be text of at most 4096 bytes"},
        Row{R"({})", "\"name\" is missing"},
        Row{R"({"name": "x", "password": ["Granite-Harbour-42"]})",
            "\"password\" must be text of at most 4096 bytes"},
        Row{R"({"name": "x", "list": ["a", 1]})", "\"list\" must be a list of at most 10000 texts"},
        Row{R"({"name": "x", "flag": "true"})", "\"flag\" must be true or false"},
        Row{R"({"name": "x", "size": -1})", "\"size\" must be a whole number"},
        Row{R"({"name": "x", "size": 1.5})", "\"size\" must be a whole number"},
        Row{R"([])", "the body must be a JSON object"},
        Row{R"("x")", "the body must be a JSON object"}}) {
    CAPTURE(row.text);
    const auto call = with(row.text);
    BodyReader body(call, {"name", "password", "list", "flag", "size"});
    body.required_text("name");
    body.text("password");
    body.texts("list");
    body.boolean("flag");
    body.count("size");
    REQUIRE(body.problem());
    CHECK(body.problem()->status == 400);
    CHECK(detail(body) == row.detail);
    CHECK(detail(body).find(secret) == std::string::npos);
  }
  const Call none;
  CHECK(BodyReader(none, {"name"}).problem()->status == 400);
  const auto call = with(R"({"name": ")" + std::string(5000, 'x') + R"("})");
  BodyReader body(call, {"name"});
  body.text("name");
  CHECK(body.problem());
}

}  // namespace layergate::api
