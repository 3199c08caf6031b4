// What a terminal can show, and what it must not be sent: text comes from records and requests of
// strangers, and a terminal obeys control characters.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace layergate::cli {

// Where a stream goes.
struct Terminal {
  bool is_one = false;
  std::size_t columns = 0;  // 0: as many as there are; always so if it is none
  bool colours = false;     // not where NO_COLOR is set (no-color.org) or TERM is dumb

  static Terminal of_output();
  static Terminal of_errors();
};

// Text with everything that is no printable character written out: control characters, and those
// that turn the direction of writing, as \u001b; bytes that are no UTF-8 as \xff.
std::string printable(std::string_view text);

// JSON text, in which such characters can stand in strings only, with them escaped.
std::string printable_json(std::string_view json);

// How many columns text takes: wide characters (UAX #11) two, combining ones none. REQUIRES: text
// is printable.
std::size_t width_of(std::string_view text);

// The text in lines of at most `columns`, at least one: after a space or a comma where there is
// one, else in the middle of a word. A character that is wider than `columns` has a line of its
// own. REQUIRES: text is printable, and columns is not 0.
std::vector<std::string> folded(std::string_view text, std::size_t columns);

}  // namespace layergate::cli
