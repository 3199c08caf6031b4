// Rows of text under headings, in columns that line up.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "cli/terminal.h"

namespace layergate::cli {

class Table {
 public:
  struct Heading {
    std::string title;   // empty in all: no line of headings
    bool right = false;  // numbers
  };

  explicit Table(std::vector<Heading> headings);

  // What is not printable in the cells is escaped. REQUIRES: a cell for each heading.
  void add(const std::vector<std::string>& cells);

  // Whole lines. On a terminal the widest columns are narrowed until all fit, but none below eight;
  // what is wider than its column goes on in the next line.
  [[nodiscard]] std::string to_string(const Terminal& terminal) const;

 private:
  using Row = std::vector<std::string>;

  [[nodiscard]] std::vector<std::size_t> widths(std::size_t columns) const;
  void append(std::string& out, const Row& row, const std::vector<std::size_t>& widths) const;

  std::vector<Heading> headings_;
  Row titles_;
  std::vector<Row> rows_;
};

}  // namespace layergate::cli
