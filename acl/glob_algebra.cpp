#include "acl/glob_algebra.h"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "acl/glob.h"

namespace layergate::acl {
namespace {

struct Token {
  enum class Kind : std::uint8_t { literal, one, run, deep_run };
  Kind kind = Kind::literal;
  char literal = 0;

  [[nodiscard]] bool is_run() const { return kind == Kind::run || kind == Kind::deep_run; }
  // Whether it can stand for c.
  [[nodiscard]] bool takes(char c) const {
    switch (kind) {
      case Kind::literal:
        return literal == c;
      case Kind::one:
      case Kind::run:
        return c != '/';
      case Kind::deep_run:
        return true;
    }
    return false;
  }
};
using Kind = Token::Kind;

std::vector<Token> tokens_of(std::string_view glob) {
  std::vector<Token> tokens;
  for (std::size_t i = 0; i < glob.size(); ++i) {
    if (glob[i] == '*') {
      if (i > 0 && glob[i - 1] == '*') {
        tokens.back().kind = Kind::deep_run;
      } else {
        tokens.push_back({Kind::run, 0});
      }
    } else if (glob[i] == '?') {
      tokens.push_back({Kind::one, 0});
    } else {
      tokens.push_back({Kind::literal, glob[i]});
    }
  }
  return tokens;
}

// Whether the wide token stands for all that the narrow one can.
bool takes_all(const Token& wide, const Token& narrow) {
  switch (narrow.kind) {
    case Kind::literal:
      return wide.takes(narrow.literal);
    case Kind::one:
      return wide.kind != Kind::literal;
    case Kind::run:
      return wide.is_run();
    case Kind::deep_run:
      return wide.kind == Kind::deep_run;
  }
  return false;
}

}  // namespace

// The narrow glob is read as a text whose wildcards are letters of their own.
bool glob_covers(std::string_view wide, std::string_view narrow) {
  if (wide.size() > kLongestGlob || narrow.size() > kLongestGlob) return false;
  if (is_literal(narrow)) return glob_matches(wide, narrow);
  if (wide == narrow || wide == "**") return true;
  const auto pattern = tokens_of(wide);
  const auto text = tokens_of(narrow);
  std::vector<bool> matched(pattern.size() + 1);
  matched[0] = true;
  for (std::size_t j = 0; j < pattern.size() && pattern[j].is_run(); ++j) matched[j + 1] = true;
  for (const auto& letter : text) {
    bool diagonal = matched[0];
    matched[0] = false;
    for (std::size_t j = 0; j < pattern.size(); ++j) {
      const bool before = matched[j + 1];
      const bool takes = takes_all(pattern[j], letter);
      matched[j + 1] = pattern[j].is_run() ? matched[j] || (before && takes)
                                           : diagonal && takes && !letter.is_run();
      diagonal = before;
    }
  }
  return matched[pattern.size()];
}

// A walk from the beginning of both to their ends, each step the shortest known: a step passes a
// run that may be empty, or takes one character on both sides.
std::optional<std::string> common_text(std::string_view a, std::string_view b,
                                       const Filler& filler) {
  if (a.size() > kLongestGlob || b.size() > kLongestGlob) return std::nullopt;
  for (const auto& [one, other] : {std::pair(a, b), std::pair(b, a)}) {
    if (!is_literal(one)) continue;
    return glob_matches(other, one) ? std::optional(std::string(one)) : std::nullopt;
  }
  const auto left = tokens_of(a);
  const auto right = tokens_of(b);
  const auto width = right.size() + 1;
  constexpr std::size_t kUnseen = SIZE_MAX;
  std::vector<std::size_t> came_from((left.size() + 1) * width, kUnseen);
  std::vector<std::size_t> queue = {0};
  came_from[0] = 0;
  const auto step = [&](std::size_t from, std::size_t i, std::size_t j) {
    auto& known = came_from[i * width + j];
    if (known != kUnseen) return;
    known = from;
    queue.push_back(i * width + j);
  };
  // The character that both tokens stand for; 0 if there is none, or if it is for a run to be
  // passed.
  const auto common_char = [&](const Token& l, const Token& r) {
    if (l.kind == Kind::literal) return r.takes(l.literal) ? l.literal : '\0';
    if (r.kind == Kind::literal) return l.takes(r.literal) ? r.literal : '\0';
    return l.kind == Kind::one || r.kind == Kind::one ? filler.one : '\0';
  };
  const auto goal = left.size() * width + right.size();
  for (std::size_t at = 0; at < queue.size() && came_from[goal] == kUnseen; ++at) {
    const auto state = queue[at];
    const auto i = state / width;
    const auto j = state % width;
    if (i < left.size() && left[i].is_run()) step(state, i + 1, j);
    if (j < right.size() && right[j].is_run()) step(state, i, j + 1);
    if (i == left.size() || j == right.size() || common_char(left[i], right[j]) == 0) continue;
    step(state, left[i].is_run() ? i : i + 1, right[j].is_run() ? j : j + 1);
  }
  if (came_from[goal] == kUnseen) return std::nullopt;

  std::vector<std::size_t> way = {goal};
  while (way.back() != 0) way.push_back(came_from[way.back()]);
  std::reverse(way.begin(), way.end());
  std::string text;
  bool filled = false;  // since the last character
  for (std::size_t at = 0; at + 1 < way.size(); ++at) {
    const auto i = way[at] / width;
    const auto j = way[at] % width;
    if (i == left.size() || j == right.size()) continue;
    if (left[i].is_run() && right[j].is_run()) {
      if (!filled) text += filler.word;
      filled = true;
      continue;
    }
    const auto next_i = way[at + 1] / width;
    const auto next_j = way[at + 1] % width;
    const bool passed = (next_i == i || next_j == j) &&
                        ((next_i != i && left[i].is_run()) || (next_j != j && right[j].is_run()));
    if (passed) continue;
    text += common_char(left[i], right[j]);
    filled = false;
  }
  return text;
}

}  // namespace layergate::acl
