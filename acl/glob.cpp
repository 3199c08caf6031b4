#include "acl/glob.h"

#include <array>

namespace layergate::acl {
namespace {

bool is_wildcard(char c) { return c == '*' || c == '?'; }

// Dynamic programming over the pattern's tokens, one row that is renewed for each character:
// matched[j] tells whether the first j tokens match what was read so far.
bool matches_by_table(std::string_view pattern, std::string_view text) {
  enum class Token : unsigned char { literal, one, run, deep_run };
  std::array<Token, kLongestGlob> kind{};
  std::array<char, kLongestGlob> literal{};
  std::size_t tokens = 0;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '*') {
      if (tokens > 0 && i > 0 && pattern[i - 1] == '*') {
        kind[tokens - 1] = Token::deep_run;
      } else {
        kind[tokens++] = Token::run;
      }
      continue;
    }
    kind[tokens] = pattern[i] == '?' ? Token::one : Token::literal;
    literal[tokens++] = pattern[i];
  }

  std::array<bool, kLongestGlob + 1> matched{};
  matched[0] = true;
  const auto is_run = [&](std::size_t j) {
    return kind[j] == Token::run || kind[j] == Token::deep_run;
  };
  for (std::size_t j = 0; j < tokens && is_run(j); ++j) matched[j + 1] = true;

  for (const char c : text) {
    bool diagonal = matched[0];  // matched[j] before c
    bool any = false;
    matched[0] = false;
    for (std::size_t j = 0; j < tokens; ++j) {
      const bool before = matched[j + 1];
      bool now = false;
      switch (kind[j]) {
        case Token::literal:
          now = diagonal && literal[j] == c;
          break;
        case Token::one:
          now = diagonal && c != '/';
          break;
        case Token::run:
          now = matched[j] || (before && c != '/');
          break;
        case Token::deep_run:
          now = matched[j] || before;
          break;
      }
      matched[j + 1] = now;
      any = any || now;
      diagonal = before;
    }
    if (!any) return false;
  }
  return matched[tokens];
}

}  // namespace

bool glob_matches(std::string_view pattern, std::string_view text) {
  if (pattern.size() > kLongestGlob) return false;
  while (!pattern.empty() && !is_wildcard(pattern.front())) {
    if (text.empty() || text.front() != pattern.front()) return false;
    pattern.remove_prefix(1);
    text.remove_prefix(1);
  }
  if (pattern.empty()) return text.empty();
  while (!is_wildcard(pattern.back())) {
    if (text.empty() || text.back() != pattern.back()) return false;
    pattern.remove_suffix(1);
    text.remove_suffix(1);
  }
  // Nearly every pattern that people write has one wildcard.
  if (pattern == "*") return text.find('/') == std::string_view::npos;
  if (pattern == "**") return true;
  return matches_by_table(pattern, text);
}

std::string_view literal_prefix(std::string_view pattern) {
  return pattern.substr(0, pattern.find_first_of("*?"));
}

}  // namespace layergate::acl
