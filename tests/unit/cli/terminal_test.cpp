#include "cli/terminal.h"

#include <doctest/doctest.h>

namespace layergate::cli {

TEST_CASE("terminal: what is no printable character is written out") {
  struct Row {
    std::string text;
    std::string shown;
  };
  const Row kRows[] = {
      {"telechat:7b-fp16", "telechat:7b-fp16"},
      {"图像 ü", "图像 ü"},
      {"a\x1b[31mb", "a\\u001b[31mb"},
      {"a\r\nb\tc", "a\\u000d\\u000ab\\u0009c"},
      {std::string("a\0b", 3), "a\\u0000b"},
      {"\x7f", "\\u007f"},
      {"\xc2\x9b"
       "31m",
       "\\u009b31m"},  // CSI as one character
      {"\xe2\x80\xae"
       "gpj.exe",
       "\\u202egpj.exe"},  // right to left
      {"a\xff\xfe"
       "b",
       "a\\xff\\xfeb"},
      {"\xed\xa0\x80", "\\xed\\xa0\\x80"},  // a surrogate
      {"\xe5\x9b", "\\xe5\\x9b"},           // cut off
      {"", ""},
  };
  for (const auto& row : kRows) {
    CAPTURE(row.shown);
    CHECK(printable(row.text) == row.shown);
  }
}

TEST_CASE("terminal: JSON is shown with its lines, and without what a terminal would obey") {
  CHECK(printable_json("{\n  \"a\": \"\xc2\x9b\xe2\x80\xae图\x7f\"\n}\n") ==
        "{\n  \"a\": \"\\u009b\\u202e图\\u007f\"\n}\n");
}

TEST_CASE("terminal: wide characters take two columns and combining ones none") {
  CHECK(width_of("") == 0);
  CHECK(width_of("abc") == 3);
  CHECK(width_of("图像") == 4);
  CHECK(width_of("e\xcc\x81") == 1);
  CHECK(width_of("ü") == 1);
  CHECK(width_of("\xf0\x9f\x9a\x80") == 2);  // a rocket
}

TEST_CASE("terminal: what is too wide is folded, after a word if there is one") {
  using Lines = std::vector<std::string>;
  CHECK(folded("", 3) == Lines{""});
  CHECK(folded("abcdef", 6) == Lines{"abcdef"});
  CHECK(folded("abcdef", 4) == Lines{"abcd", "ef"});
  CHECK(folded("ab cd ef", 5) == Lines{"ab cd", "ef"});
  CHECK(folded("ab cd ef", 4) == Lines{"ab", "cd", "ef"});
  CHECK(folded("ab,cd,ef", 6) == Lines{"ab,cd,", "ef"});
  CHECK(folded("ab cdefgh", 4) == Lines{"ab", "cdef", "gh"});
  CHECK(folded("图像图像", 8) == Lines{"图像图像"});
  CHECK(folded("图像图像", 7) == Lines{"图像图", "像"});
  CHECK(folded("图像", 1) == Lines{"图", "像"});
  for (std::size_t columns = 2; columns < 12; ++columns) {
    std::string whole;
    for (const auto& line : folded("a图b像,c图d像e", columns)) {
      CHECK(width_of(line) <= columns);
      whole += line;
    }
    CHECK(whole == "a图b像,c图d像e");
  }
}

}  // namespace layergate::cli
