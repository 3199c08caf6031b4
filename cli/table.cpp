#include "cli/table.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace layergate::cli {
namespace {

constexpr std::size_t kGap = 2;
constexpr std::size_t kNarrowest = 8;

}  // namespace

Table::Table(std::vector<Heading> headings) : headings_(std::move(headings)) {
  for (const auto& heading : headings_) titles_.push_back(printable(heading.title));
}

void Table::add(const std::vector<std::string>& cells) {
  Row row;
  row.reserve(cells.size());
  for (const auto& cell : cells) row.push_back(printable(cell));
  rows_.push_back(std::move(row));
}

std::vector<std::size_t> Table::widths(std::size_t columns) const {
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < headings_.size(); ++i) {
    std::size_t widest = width_of(titles_[i]);
    for (const auto& row : rows_) widest = std::max(widest, width_of(row[i]));
    widths.push_back(widest);
  }
  if (columns == 0 || widths.empty()) return widths;
  auto total = std::accumulate(widths.begin(), widths.end(), kGap * (widths.size() - 1));
  while (total > columns) {
    auto& widest = *std::max_element(widths.begin(), widths.end());
    if (widest <= kNarrowest) break;
    // Down to the next widest at once, and only then step by step.
    std::size_t next = kNarrowest;
    for (const auto width : widths) {
      if (width < widest) next = std::max(next, width);
    }
    const auto most = std::max<std::size_t>(1, widest - next);
    const auto cut = std::min(most, total - columns);
    widest -= cut;
    total -= cut;
  }
  return widths;
}

void Table::append(std::string& out, const Row& row, const std::vector<std::size_t>& widths) const {
  std::vector<std::vector<std::string>> cells;
  std::size_t height = 1;
  for (std::size_t i = 0; i < row.size(); ++i) {
    cells.push_back(folded(row[i], std::max<std::size_t>(1, widths[i])));
    height = std::max(height, cells.back().size());
  }
  for (std::size_t at = 0; at < height; ++at) {
    std::string line;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      if (i > 0) line.append(kGap, ' ');
      const auto cell = at < cells[i].size() ? cells[i][at] : std::string();
      const auto space = widths[i] - std::min(widths[i], width_of(cell));
      if (headings_[i].right) line.append(space, ' ');
      line += cell;
      if (!headings_[i].right) line.append(space, ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + '\n';
  }
}

std::string Table::to_string(const Terminal& terminal) const {
  const auto fitted = widths(terminal.columns);
  std::string out;
  const bool has_titles =
      std::any_of(titles_.begin(), titles_.end(), [](const auto& title) { return !title.empty(); });
  if (has_titles) {
    if (terminal.colours) out += "\x1b[1m";
    append(out, titles_, fitted);
    if (terminal.colours) out.insert(out.size() - 1, "\x1b[0m");
  }
  for (const auto& row : rows_) append(out, row, fitted);
  return out;
}

}  // namespace layergate::cli
