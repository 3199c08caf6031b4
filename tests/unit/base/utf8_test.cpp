#include "base/utf8.h"

#include <doctest/doctest.h>

namespace layergate {

TEST_CASE("utf8: well-formed text is taken") {
  using namespace std::string_view_literals;
  for (const auto text : {""sv, "abc"sv, "\0"sv, "é"sv, "中文"sv, "\xf0\x9f\x90\xb3"sv,
                          "\xed\x9f\xbf"sv, "\xee\x80\x80"sv, "\xf4\x8f\xbf\xbf"sv}) {
    CHECK(is_utf8(text));
  }
}

TEST_CASE("utf8: the first bad byte is found") {
  struct Row {
    std::string_view text;
    std::size_t at;
  };
  const Row rows[] = {
      {"ab\x80", 2},            // a continuation without a beginning
      {"\xc3", 0},              // cut off
      {"a\xe4\xb8", 1},         //
      {"\xc0\xaf", 0},          // overlong '/'
      {"\xe0\x80\xaf", 0},      //
      {"\xf0\x80\x80\xaf", 0},  //
      {"\xed\xa0\x80", 0},      // a surrogate
      {"\xf4\x90\x80\x80", 0},  // above U+10FFFF
      {"\xf5\x80\x80\x80", 0},  //
      {"\xe4\xb8\xad\xff", 3},  //
      {"\xe4\x28\xad", 0},      //
      {"\xf0\x9f\x90\x28", 0},
  };
  for (const Row& row : rows) CHECK(find_invalid_utf8(row.text) == row.at);
}

TEST_CASE("utf8: characters are counted, not bytes") {
  CHECK(count_characters("") == 0);
  CHECK(count_characters("aé中\xf0\x9f\x90\xb3") == 4);
}

}  // namespace layergate
