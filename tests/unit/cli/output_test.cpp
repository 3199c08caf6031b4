#include "cli/output.h"

#include <doctest/doctest.h>

#include "api/problem.h"
#include "base/yaml.h"
#include "cli/yaml_of_json.h"

namespace layergate::cli {
namespace {

using api::Json;

const Terminal kPipe{};
const Terminal kTerminal{true, 200, false};

View view() {
  View view;
  view.columns = {{"NAME", "name"},
                  {"SIZE", "size", Column::Kind::size},
                  {"USERS", "users"},
                  {"LAST", "/last/time"},
                  {"OPEN", "open"}};
  return view;
}

Json images() {
  return Json::parse(R"({"items": [
    {"name": "telechat", "size": 3758096384, "users": ["alice", "bob"], "last": {"time": "x"}, "open": true},
    {"name": "y", "size": 7, "users": [], "last": null}], "next": null})");
}

}  // namespace

TEST_CASE("output: a list is a table") {
  CHECK(shown(images(), Format::table, view(), kPipe) ==
        "NAME            SIZE  USERS      LAST  OPEN\n"
        "telechat  3758096384  alice,bob  x     yes\n"
        "y                  7  -          -     -\n");
  CHECK(shown(images(), Format::table, view(), kTerminal) ==
        "NAME         SIZE  USERS      LAST  OPEN\n"
        "telechat  3.5 GiB  alice,bob  x     yes\n"
        "y             7 B  -          -     -\n");
}

TEST_CASE("output: sizes for people have three digits") {
  View sizes;
  sizes.columns = {{"", "size", Column::Kind::size}};
  const auto text = [&](std::uint64_t bytes) {
    const auto whole = shown({{"size", bytes}}, Format::table, sizes, kTerminal);
    return whole.substr(3, whole.size() - 4);  // ":  …\n"
  };
  CHECK(text(0) == "0 B");
  CHECK(text(999) == "999 B");
  CHECK(text(1000) == "1.0 KiB");
  CHECK(text(10 << 10) == "10.0 KiB");
  CHECK(text(200 << 10) == "200 KiB");
  CHECK(text(1ULL << 40) == "1.0 TiB");
  CHECK(text(~0ULL) == "16384 PiB");
}

TEST_CASE("output: one object is a line for each member") {
  const Json account{{"name", "alice"}, {"last_seen", nullptr}, {"count", 7}};
  CHECK(shown(account, Format::table, {}, kPipe) ==
        "NAME:       alice\n"
        "LAST SEEN:  -\n"
        "COUNT:      7\n");
}

TEST_CASE("output: a list without a view shows what its first item has") {
  CHECK(shown(Json::parse(R"({"items": [{"a": "x", "b": 1}, {"a": "y"}]})"), Format::table, {},
              kPipe) == "A  B\nx  1\ny  -\n");
  CHECK(shown(Json::parse(R"({"items": []})"), Format::table, {}, kPipe).empty());
}

TEST_CASE("output: a sentence stands for what was done, in tables only") {
  View done;
  done.done = "added \x1b[31malice";
  const Json body{{"name", "alice"}};
  CHECK(shown(body, Format::table, done, kPipe) == "added \\u001b[31malice\n");
  CHECK(shown(body, Format::json, done, kPipe) == "{\n  \"name\": \"alice\"\n}\n");
  CHECK(shown(nullptr, Format::json, done, kPipe).empty());
}

TEST_CASE("output: JSON shows all, and nothing that a terminal obeys") {
  const Json body{{"a", "\x1b[2J\xc2\x9b图\xff"}};
  const auto text = shown(body, Format::json, {}, kPipe);
  CHECK(text.find('\x1b') == std::string::npos);
  CHECK(text.find("\xc2\x9b") == std::string::npos);
  const auto again = Json::parse(text);
  CHECK(again.at("a") == "\x1b[2J\xc2\x9b图\xef\xbf\xbd");
}

TEST_CASE("output: YAML reads back as what it was") {
  const auto body =
      Json::parse(R"({"items": [], "empty": {}, "list": ["a b", "true", "Yes", "7", "x"],
    "number": 7, "yes": false, "nothing": null, "time": "2027-01-31", "nested": [{"a": 1, "b": ["x"]}],
    "text": "a: b # c", "end": "a:", "lines": "a\nb", "escape": "\u001b\u009b", "star": "*", "none": ""})");
  const auto text = shown(body, Format::yaml, {}, kPipe);
  CHECK(text.find('\x1b') == std::string::npos);
  CHECK(text.find("\xc2\x9b") == std::string::npos);
  CAPTURE(text);
  const auto tree = yaml::parse(text, "");
  REQUIRE(tree.has_value());
  CHECK(tree->find("list")->items.at(1).quoted);
  CHECK(tree->find("list")->items.at(2).quoted);
  CHECK(tree->find("list")->items.at(3).quoted);
  CHECK_FALSE(tree->find("list")->items.at(4).quoted);
  CHECK_FALSE(tree->find("number")->quoted);
  CHECK(tree->find("number")->scalar == "7");
  CHECK(tree->find("time")->quoted);
  CHECK(tree->find("text")->scalar == "a: b # c");
  CHECK(tree->find("end")->scalar == "a:");
  CHECK(tree->find("lines")->scalar == "a\nb");
  CHECK(tree->find("escape")->scalar == "\x1b\xc2\x9b");
  CHECK(tree->find("none")->quoted);
  CHECK(tree->find("nested")->items.at(0).find("b")->items.at(0).scalar == "x");
}

TEST_CASE("output: the exit code goes by the problem's code") {
  struct Row {
    const char* code;
    int exit;
  };
  for (const auto& row : {Row{"denied", 1}, Row{"not_found", 1}, Row{"unauthorized", 1},
                          Row{"usage", 2}, Row{"conflict", 2}, Row{"invalid", 3}, Row{"io", 4},
                          Row{"changed", 4}, Row{"something_new", 4}}) {
    CAPTURE(row.code);
    CHECK(exit_code(api::problem(400, row.code, "x")) == row.exit);
  }
  CHECK(exit_code({}) == 0);
  CHECK(exit_code({500, "no object", "", "", ""}) == 4);
}

}  // namespace layergate::cli
