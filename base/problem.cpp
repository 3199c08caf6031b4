#include "base/problem.h"

#include <algorithm>
#include <numeric>
#include <string_view>

namespace layergate {
namespace {

// Damerau's distance without repeated edits ("optimal string alignment").
std::size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(last.begin(), last.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t same = a[i - 1] == b[j - 1] ? 0 : 1;
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + same});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
    }
    before = last;
    last = row;
  }
  return last[b.size()];
}

// What is quoted from a file goes to terminals and logs: no control character of it does.
std::string shown(const std::string& text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7f) {
      out += c;
    } else {
      out += "\\x";
      out += kHex[byte >> 4U];
      out += kHex[byte & 15U];
    }
  }
  return out;
}

}  // namespace

std::string Problem::to_string() const {
  std::string out = shown(file);
  if (line > 0) out += ":" + std::to_string(line);
  if (column > 0) out += ":" + std::to_string(column);
  out += ": " + shown(what);
  if (!suggestion.empty()) out += "; did you mean \"" + shown(suggestion) + "\"?";
  return out;
}

std::string closest(const std::string& text, const std::vector<std::string>& candidates) {
  if (text.empty() || text.size() > 64) return "";
  std::size_t best = text.size() / 3 + 2;
  const std::string* found = nullptr;
  for (const auto& candidate : candidates) {
    if (candidate.size() > 64) continue;
    const auto distance = edit_distance(text, candidate);
    if (distance < best && distance <= std::max(text.size(), candidate.size()) / 3 + 1 &&
        distance < std::max(text.size(), candidate.size()) - 1) {
      best = distance;
      found = &candidate;
    }
  }
  return found == nullptr ? "" : *found;
}

}  // namespace layergate
