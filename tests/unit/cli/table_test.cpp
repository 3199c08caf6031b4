#include "cli/table.h"

#include <doctest/doctest.h>

namespace layergate::cli {
namespace {

Table images() {
  Table table({{"NAME", false}, {"SIZE", true}, {"USERS", false}});
  table.add({"telechat", "7", "alice,bob"});
  table.add({"图像", "12345", "-"});
  return table;
}

std::size_t widest_line(const std::string& text) {
  std::size_t widest = 0;
  std::size_t begin = 0;
  while (begin < text.size()) {
    const auto end = text.find('\n', begin);
    widest = std::max(widest, width_of(text.substr(begin, end - begin)));
    begin = end + 1;
  }
  return widest;
}

}  // namespace

TEST_CASE("table: columns line up, by the width of what is shown") {
  CHECK(images().to_string({}) ==
        "NAME       SIZE  USERS\n"
        "telechat      7  alice,bob\n"
        "图像      12345  -\n");
}

TEST_CASE("table: without titles there is no line of them") {
  Table table({{"", false}, {"", false}});
  table.add({"account:", "alice"});
  table.add({"administrator:", "no"});
  CHECK(table.to_string({}) ==
        "account:        alice\n"
        "administrator:  no\n");
}

TEST_CASE("table: without rows there are the headings") {
  CHECK(Table({{"A", false}, {"B", true}}).to_string({}) == "A  B\n");
}

TEST_CASE("table: it fits the terminal, down to eight columns each") {
  Table table({{"A", false}, {"B", false}, {"C", false}});
  table.add({"short", std::string(40, 'b'), std::string(70, 'c')});
  table.add({"s", "图像图像图像图像图像图像图像图像图像图像图像图像图像", "c"});
  for (std::size_t columns = 25; columns < 130; ++columns) {
    CAPTURE(columns);
    const auto text = table.to_string({true, columns, false});
    CHECK(widest_line(text) <= columns);
    CHECK(text.find("short") != std::string::npos);
  }
  CHECK(widest_line(table.to_string({true, 131, false})) == 5 + 2 + 52 + 2 + 70);
  CHECK(widest_line(table.to_string({true, 10, false})) == 5 + 2 + 8 + 2 + 8);
}

TEST_CASE("table: what is wider than its column goes on in the next line, and nothing is lost") {
  Table table({{"NAME", false}, {"SIZE", true}, {"WHY", false}});
  table.add({"telechat", "7", "denied by nobody replaces a release (acl.yml:12)"});
  table.add({"a", "1", "alice,bob,carol,dora,erin"});
  CHECK(table.to_string({true, 36, false}) ==
        "NAME      SIZE  WHY\n"
        "telechat     7  denied by nobody\n"
        "                replaces a release\n"
        "                (acl.yml:12)\n"
        "a            1  alice,bob,carol,\n"
        "                dora,erin\n");
}

TEST_CASE("table: a cell cannot forge a line or move the cursor") {
  Table table({{"A", false}, {"B", false}});
  table.add({"x\ny", "\x1b[2J"});
  CHECK(table.to_string({}) == "A         B\nx\\u000ay  \\u001b[2J\n");
}

TEST_CASE("table: headings are bold where there are colours") {
  CHECK(images().to_string({true, 0, true}).starts_with("\x1b[1mNAME"));
  CHECK(images().to_string({true, 0, false}).starts_with("NAME"));
}

}  // namespace layergate::cli
