#include "acl/glob.h"

#include <random>
#include <string>
#include <string_view>

#include <doctest/doctest.h>

namespace layergate::acl {

TEST_CASE("glob: wildcards match as documented") {
  struct Row {
    const char* pattern;
    const char* text;
    bool matches;
  };
  const Row rows[] = {
      {"", "", true},
      {"", "a", false},
      {"a", "", false},
      {"a", "a", true},
      {"a", "b", false},
      {"ab", "a", false},
      {"a", "ab", false},
      {"*", "", true},
      {"*", "abc", true},
      {"*", "a/b", false},
      {"**", "", true},
      {"**", "a/b/c", true},
      {"***", "a/b", true},
      {"****", "a/b", true},
      {"?", "a", true},
      {"?", "", false},
      {"?", "/", false},
      {"?", "ab", false},
      {"??", "ab", true},
      {"a*", "a", true},
      {"a*", "ab", true},
      {"a*", "a/b", false},
      {"a**", "a/b", true},
      {"*a", "ba", true},
      {"*a", "b/a", false},
      {"**a", "b/a", true},
      {"a*b", "ab", true},
      {"a*b", "axb", true},
      {"a*b", "axc", false},
      {"a*b", "a/b", false},
      {"a*a", "a", false},  // the front and the back may not share a character
      {"ab*ba", "aba", false},
      {"a?*", "a", false},
      {"a?*", "ab", true},
      {"a/**", "a/b/c", true},
      {"a/**", "a", false},
      {"a/**", "ab", false},
      {"**/x", "x", false},
      {"**/x", "a/x", true},
      {"**/x", "a/b/x", true},
      {"a/**/b", "a/b", false},
      {"a/**/b", "a/x/b", true},
      {"a/**/b", "a/x/y/b", true},
      {"*/*", "a/b", true},
      {"*/*", "a/b/c", false},
      {"*/*", "a", false},
      {"*-fp16", "7b-fp16", true},
      {"*-fp16", "-fp16", true},
      {"*-fp16", "7b-fp16x", false},
      {"7b-*-v?", "7b-int4-v2", true},
      {"7b-*-v?", "7b-int4-v22", false},
      {"**a*b", "x/a/b", false},
      {"**a*b", "x/a/axb", true},
      {"**a*b", "ab", true},
      {"*a**b", "xa/y/b", true},
      {"*a**b", "x/a/b", false},
      {"a.b", "axb", false},
      {"[a]", "a", false},
      {"[a]", "[a]", true},
      {"a\\*", "a*", false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.pattern);
    CAPTURE(row.text);
    CHECK(glob_matches(row.pattern, row.text) == row.matches);
  }
}

namespace {

// The definition of the wildcards, word for word; exponential, so for short texts only.
bool matches_by_definition(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern.front() == '*') {
    const bool deep = pattern.starts_with("**");
    const auto rest = pattern.substr(deep ? 2 : 1);
    for (std::size_t run = 0; run <= text.size(); ++run) {
      if (!deep && text.substr(0, run).find('/') != text.npos) return false;
      if (matches_by_definition(rest, text.substr(run))) return true;
    }
    return false;
  }
  if (text.empty()) return false;
  const bool same = pattern.front() == '?' ? text.front() != '/' : pattern.front() == text.front();
  return same && matches_by_definition(pattern.substr(1), text.substr(1));
}

}  // namespace

TEST_CASE("glob: matches what the definition of the wildcards says") {
  std::mt19937 random{1};
  const auto word = [&](std::string_view letters, std::size_t longest) {
    std::string out(random() % (longest + 1), ' ');
    for (char& c : out) c = letters[random() % letters.size()];
    return out;
  };
  int matching = 0;
  for (int i = 0; i < 200'000; ++i) {
    const auto pattern = word("ab/**?", 7);
    const auto text = word("aab/", 7);
    CAPTURE(pattern);
    CAPTURE(text);
    const bool matches = glob_matches(pattern, text);
    REQUIRE(matches == matches_by_definition(pattern, text));
    matching += matches ? 1 : 0;
  }
  CHECK(matching > 10'000);
}

TEST_CASE("glob: no pattern takes more than the product of the lengths") {
  // An exponential matcher would not come back from any of these.
  const std::string text(255, 'a');
  std::string stars;
  std::string deep;
  std::string mixed;
  while (stars.size() < 200) stars += "*a";
  while (deep.size() < 200) deep += "**a";
  while (mixed.size() < 200) mixed += "**a*a?";
  for (int i = 0; i < 100; ++i) {
    CHECK_FALSE(glob_matches("*a*a*a*a*b", text));
    CHECK_FALSE(glob_matches(stars + "*b", text));
    CHECK_FALSE(glob_matches(deep + "**b", text));
    CHECK_FALSE(glob_matches(mixed + "**b*", text));
    CHECK(glob_matches(stars + "*", text));
    CHECK(glob_matches(mixed + "**", text));
  }
}

TEST_CASE("glob: the longest pattern is matched and a longer one is not") {
  const std::string most(kLongestGlob - 1, 'a');
  CHECK(glob_matches(most + "*", most));
  CHECK(glob_matches("?*" + most.substr(2) + "?", most));
  CHECK_FALSE(glob_matches(most + "a*", most + "a"));
}

TEST_CASE("glob: the literal prefix ends at the first wildcard") {
  CHECK(literal_prefix("team/x") == "team/x");
  CHECK(literal_prefix("team/*") == "team/");
  CHECK(literal_prefix("a?c*") == "a");
  CHECK(literal_prefix("**") == "");
  CHECK(is_literal("a/b"));
  CHECK_FALSE(is_literal("a/?"));
}

}  // namespace layergate::acl
