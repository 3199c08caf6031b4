#include "acl/rule_shelves.h"

#include <cstddef>
#include <cstring>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

namespace layergate::acl {
namespace {

RuleNode node_of(Subject subject, RuleNumber rule) {
  RuleNode node;
  node.subject = subject;
  node.count = 1;
  node.only.rule = rule;
  return node;
}

// The rule of the subject's node on the shelf; nothing if there is none.
std::optional<RuleNumber> rule_on(const RuleShelves::Shelf& shelf, Subject subject) {
  const auto likely = shelf.approach(subject);
  if (!likely) return std::nullopt;
  const auto place = shelf.find(subject, *likely);
  if (!place) return std::nullopt;
  return shelf.node(*place).only.rule;
}

}  // namespace

TEST_CASE("rule shelves: each has its text and its nodes, and nobody else's") {
  std::mt19937_64 random{7};
  std::map<GlobKey, std::pair<std::string, std::map<Subject, RuleNumber>>> wanted;
  RuleShelves shelves;
  RuleNumber rule = 0;
  for (const std::size_t length : {0U, 1U, 26U, 27U, 28U, 59U, 60U, 255U}) {
    for (const std::size_t count : {1U, 2U, 3U, 13U, 14U, 200U}) {
      const std::string text(length, static_cast<char>('a' + wanted.size() % 26));
      std::map<Subject, RuleNumber> rules;
      while (rules.size() < count) rules.try_emplace(static_cast<Subject>(random() % 400), ++rule);
      std::vector<RuleNode> nodes;
      for (const auto& [subject, its] : rules) nodes.push_back(node_of(subject, its));
      wanted[shelves.add(text, nodes)] = {text, rules};
    }
  }
  REQUIRE(wanted.size() == 48);
  for (const auto& [key, of_key] : wanted) {
    const std::string& text = of_key.first;
    const auto& rules = of_key.second;
    CAPTURE(text);
    REQUIRE(shelves.is_key(key));
    REQUIRE(shelves.text_of(key) == text);
    for (Subject subject = 0; subject < 400; ++subject) {
      const auto found = rules.find(subject);
      REQUIRE(rule_on(shelves[key], subject) ==
              (found == rules.end() ? std::nullopt : std::optional(found->second)));
    }
  }
}

TEST_CASE("rule shelves: taken over, a key leads to a whole shelf or is none") {
  RuleShelves shelves;
  const std::vector<RuleNode> nodes = {node_of(3, 1), node_of(4, 2), node_of(5, 3)};
  const auto first = shelves.add("team/app", nodes);
  const auto key = shelves.add(std::string(100, 'x'), nodes);

  const auto all = RuleShelves::adopt(shelves.units());
  CHECK(all.is_key(first));
  REQUIRE(all.is_key(key));
  CHECK(all.text_of(key) == std::string(100, 'x'));
  CHECK(rule_on(all[key], 4) == 2);
  CHECK_FALSE(all.is_key(static_cast<GlobKey>(shelves.units().size())));
  CHECK_FALSE(all.is_key(UINT32_MAX));

  for (std::size_t size = 0; size < shelves.units().size(); ++size) {
    CAPTURE(size);
    auto units = shelves.units();
    units.resize(size);
    CHECK_FALSE(RuleShelves::adopt(std::move(units)).is_key(key));
  }
}

TEST_CASE("rule shelves: one on which looks would not end, or would miss a node, is not sound") {
  RuleShelves shelves;
  const auto key = shelves.add("a", std::vector<RuleNode>{node_of(3, 1), node_of(4, 2)});
  const auto is_sound = [&](const std::vector<RuleShelves::Unit>& units) {
    const auto all = RuleShelves::adopt(units);
    REQUIRE(all.is_key(key));
    return all[key].is_sound();
  };
  const auto made = shelves.units();
  CHECK(is_sound(made));
  constexpr std::size_t kMarks = 6;  // behind the number of places, the length and the text
  for (std::size_t place = 0; place < 4; ++place) {
    CAPTURE(place);
    const bool is_empty = made[key].bytes[kMarks + place] == 0;
    auto units = made;
    char* const marks = units[key].bytes.data() + kMarks;
    marks[place] = static_cast<char>(marks[place] ^ 2);  // another's, or of no node
    CHECK_FALSE(is_sound(units));
    std::memset(marks, 1, 4);
    CHECK_FALSE(is_sound(units));
    // A node behind an empty place is found only if its home is there.
    if (is_empty) continue;
    for (std::size_t to = 0; to < 4; ++to) {
      if (made[key].bytes[kMarks + to] != 0) continue;
      auto moved = made;
      moved[key].bytes[kMarks + to] = made[key].bytes[kMarks + place];
      moved[key].bytes[kMarks + place] = 0;
      std::swap(moved[key + 1 + to], moved[key + 1 + place]);
      const auto all = RuleShelves::adopt(moved);
      const auto subject = all[key].node(to).subject;
      CHECK(all[key].is_sound() ==
            (rule_on(all[key], subject).has_value() && rule_on(all[key], 3).has_value() &&
             rule_on(all[key], 4).has_value()));
    }
  }
  for (const int places : {0, 0xff}) {
    auto units = made;
    std::memset(units[key].bytes.data(), places, 4);
    CHECK_FALSE(RuleShelves::adopt(units).is_key(key));
  }
}

}  // namespace layergate::acl
