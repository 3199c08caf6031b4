#include "acl/glob_algebra.h"

#include <algorithm>
#include <random>
#include <vector>

#include <doctest/doctest.h>

#include "acl/glob.h"
#include "acl/pattern_table.h"
#include "acl/witnesses.h"

namespace layergate::acl {
namespace {

std::string random_text(std::mt19937& random, const char* letters, std::size_t most) {
  const std::string_view from(letters);
  std::string text;
  for (auto n = random() % (most + 1); n > 0; --n) text += from[random() % from.size()];
  return text;
}

}  // namespace

TEST_CASE("glob algebra: covering") {
  for (const auto& [wide, narrow] :
       std::vector<std::pair<const char*, const char*>>{{"**", "a/b*"},
                                                        {"*", "a*"},
                                                        {"a*", "a?b"},
                                                        {"a**", "a/**"},
                                                        {"**", "**"},
                                                        {"*b", "**b"},
                                                        {"?", "*"},
                                                        {"a", "a"},
                                                        {"a", "b"},
                                                        {"a*", "*"},
                                                        {"*", "a/b"},
                                                        {"v?", "v1"},
                                                        {"v?", "v12"},
                                                        {"*-x", "a*-x"},
                                                        {"a/**", "a/b"},
                                                        {"a/**", "a"}}) {
    const std::string w = wide;
    const std::string n = narrow;
    CAPTURE(w);
    CAPTURE(n);
    const bool expected = w == "**" || (w == "*" && n == "a*") || (w == "a*" && n == "a?b") ||
                          (w == "a**" && n == "a/**") || (w == "a" && n == "a") ||
                          (w == "v?" && n == "v1") || w == "*-x" || (w == "a/**" && n == "a/b");
    CHECK(glob_covers(wide, narrow) == expected);
  }
}

TEST_CASE("glob algebra: at random, what covers matches all, and common texts are common") {
  std::mt19937 random(3);
  int covered = 0;
  int common = 0;
  for (int round = 0; round < 200'000; ++round) {
    const auto a = random_text(random, "ab/**?", 6);
    const auto b = random_text(random, "ab/**?", 6);
    const auto text = random_text(random, "ab/", 6);
    CAPTURE(a);
    CAPTURE(b);
    CAPTURE(text);
    if (glob_covers(a, b)) {
      ++covered;
      if (glob_matches(b, text)) REQUIRE(glob_matches(a, text));
    }
    const auto both = common_text(a, b, Filler{});
    if (both) {
      ++common;
      CAPTURE(*both);
      REQUIRE(glob_matches(a, *both));
      REQUIRE(glob_matches(b, *both));
    } else {
      REQUIRE_FALSE((glob_matches(a, text) && glob_matches(b, text)));
    }
  }
  CHECK(covered > 1000);
  CHECK(common > 1000);
}

TEST_CASE("glob algebra: a text that is made up is fresh wherever it can be") {
  const Filler filler;
  CHECK(common_text("telechat", "telechat", filler) == "telechat");
  CHECK(common_text("7b-*", "7b-*", filler) == "7b-any");
  CHECK(common_text("team/**", "team/*", filler) == "team/any");
  CHECK(common_text("v?", "v?", filler) == "vx");
  CHECK(common_text("7b-*", "*-fp16", filler).has_value());
  CHECK_FALSE(common_text("a*", "b*", filler));
  CHECK_FALSE(common_text("*", "a/b", filler));
}

TEST_CASE("pattern table: finds what walking all patterns finds") {
  std::mt19937 random(5);
  for (int round = 0; round < 200; ++round) {
    PatternTable<std::vector<std::size_t>> table;
    std::vector<Pattern> patterns;
    while (patterns.size() < 30) {
      const auto pattern =
          parse_pattern(random_text(random, "ab/*?", 5) + ":" + random_text(random, "ab*?", 4));
      if (!pattern) continue;
      table[*pattern].push_back(patterns.size());
      patterns.push_back(*pattern);
    }
    for (int question = 0; question < 50; ++question) {
      const auto name = random_text(random, "ab/", 5);
      const auto tag = random_text(random, "ab", 4);
      std::vector<bool> found(patterns.size());
      table.matching(name, tag, [&](const std::vector<std::size_t>& numbers) {
        for (const auto number : numbers) found[number] = true;
      });
      for (std::size_t i = 0; i < patterns.size(); ++i) {
        CAPTURE(patterns[i].to_string());
        CAPTURE(name + ":" + tag);
        REQUIRE(found[i] == patterns[i].matches(name, tag));
      }
    }
    for (const auto& one : patterns) {
      std::vector<std::string> overlapping;
      table.overlapping(one, [&](const Pattern& other) {
        overlapping.push_back(other.to_string());
        return true;
      });
      std::vector<bool> covering(patterns.size());
      table.covering(one, [&](const std::vector<std::size_t>& numbers) {
        for (const auto number : numbers) covering[number] = true;
        return true;
      });
      for (std::size_t i = 0; i < patterns.size(); ++i) {
        const auto& other = patterns[i];
        CAPTURE(one.to_string());
        CAPTURE(other.to_string());
        const Pattern normal{other.name, normal_tag(other)};
        REQUIRE(covering[i] ==
                (glob_covers(other.name, one.name) && glob_covers(normal.tag, normal_tag(one))));
        if (common_text(other.name, one.name, {}) && common_text(other.tag, one.tag, {})) {
          REQUIRE(std::find(overlapping.begin(), overlapping.end(), normal.to_string()) !=
                  overlapping.end());
        }
      }
    }
  }
}

}  // namespace layergate::acl
