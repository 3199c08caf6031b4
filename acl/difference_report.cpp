#include "acl/difference_report.h"

#include <algorithm>
#include <numeric>
#include <set>
#include <string_view>
#include <utility>

#include "acl/pattern_table.h"

namespace layergate::acl {
namespace {

std::string names_of(ActionSet actions) {
  std::string names;
  for (const Action action : kActions) {
    if (actions.contains(action)) names += std::string(to_string(action)) + " ";
  }
  return names;
}

// Puts equal ones together.
unsigned order_of(ActionSet actions) {
  unsigned order = 0;
  for (const Action action : kActions) order = order * 2 + (actions.contains(action) ? 1 : 0);
  return order;
}

bool covers(const Pattern& wide, const Pattern& narrow) {
  return glob_covers(wide.name, narrow.name) && glob_covers(wide.tag, narrow.tag);
}

template <typename Thing, typename Number = std::uint32_t>
Number numbered(std::map<Thing, Number>& numbers, Thing thing) {
  return numbers.try_emplace(std::move(thing), static_cast<Number>(numbers.size())).first->second;
}

// In the order of their numbers.
template <typename Thing>
std::vector<const Thing*> by_number(const std::map<Thing, std::uint32_t>& numbers) {
  std::vector<const Thing*> things(numbers.size());
  for (const auto& [thing, number] : numbers) things[number] = &thing;
  return things;
}

}  // namespace

DifferenceReport::Cause DifferenceReport::cause(bool gained, const AddressSet& from,
                                                std::string before, std::string after) {
  auto text = from.to_string();
  sets_.try_emplace(text, from);
  return numbered(causes_,
                  CauseTexts{gained, std::move(text), std::move(before), std::move(after)});
}

DifferenceReport::Users DifferenceReport::users(std::uint32_t of_class,
                                                std::vector<Party> without) {
  return numbered(numbers_, Group{of_class, std::move(without), 0});
}

DifferenceReport::Users DifferenceReport::user(Party user) {
  return numbered(numbers_, Group{0, {}, user});
}

DifferenceReport::Asked DifferenceReport::asked(const Witness& image) {
  images_.push_back({image.pattern, image.within, image.name + ":" + image.tag});
  return static_cast<Asked>(images_.size() - 1);
}

std::vector<Party> DifferenceReport::members(const Group& group) const {
  if (group.only != 0) return {group.only};
  std::vector<Party> rest;
  const auto& all = parties_.classes()[group.of_class].members;
  std::set_difference(all.begin(), all.end(), group.without.begin(), group.without.end(),
                      std::back_inserter(rest));
  return rest;
}

// Puts the images into their order and the facts into that of what they say, and gives users who
// are the same ones one number.
void DifferenceReport::arrange() {
  std::vector<Asked> order(images_.size());
  std::iota(order.begin(), order.end(), 0U);
  std::sort(order.begin(), order.end(),
            [this](Asked a, Asked b) { return images_[a] < images_[b]; });
  std::vector<Asked> place(order.size());
  std::vector<Image> sorted(order.size());
  for (Asked i = 0; i < order.size(); ++i) {
    place[order[i]] = i;
    sorted[i] = std::move(images_[order[i]]);
  }
  images_ = std::move(sorted);

  std::map<std::vector<Party>, Users> same;
  std::vector<Users> number(numbers_.size());
  for (const auto& [group, users] : numbers_) number[users] = numbered(same, members(group));
  for (const auto* users : by_number(same)) users_.push_back(*users);

  for (auto& fact : facts_) {
    fact.users = number[fact.users];
    fact.asked = place[fact.asked];
  }
  const auto key = [](const Fact& fact) {
    return std::tuple(fact.cause, fact.users, order_of(fact.actions), fact.asked);
  };
  std::sort(facts_.begin(), facts_.end(),
            [&](const Fact& a, const Fact& b) { return key(a) < key(b); });
}

// First all images that lost the same actions are said at once, then all users of whom the same is
// to be said.
std::vector<Difference> DifferenceReport::take(const Patterns& patterns) {
  arrange();
  std::map<std::vector<Asked>, std::uint32_t> lists;
  std::map<std::tuple<Cause, std::string, std::uint32_t>, std::vector<Users>> by_list;
  for (auto at = facts_.begin(); at != facts_.end();) {
    const auto first = *at;
    std::vector<Asked> list;
    for (; at != facts_.end() && at->cause == first.cause && at->users == first.users &&
           at->actions == first.actions;
         ++at) {
      list.push_back(at->asked);
    }
    by_list[{first.cause, names_of(first.actions), numbered(lists, std::move(list))}].push_back(
        first.users);
  }
  std::vector<Summary> summaries;
  for (const auto* list : by_number(lists)) summaries.push_back(sum_up(*list, patterns));

  const auto causes = by_number(causes_);
  std::map<std::tuple<CauseTexts, std::string, Summary>, std::set<Party>> said;
  for (const auto& [what, groups] : by_list) {
    const auto& [cause, actions, list] = what;
    auto& users = said[{*causes[cause], actions, summaries[list]}];
    for (const Users group : groups) users.insert(users_[group].begin(), users_[group].end());
  }
  std::vector<Difference> differences;
  for (const auto& [what, users] : said) {
    const auto& [cause, actions, summary] = what;
    Difference difference;
    std::string from;
    std::tie(difference.gained, from, difference.before, difference.after) = cause;
    std::tie(difference.patterns, difference.known, difference.example) = summary;
    difference.from = sets_.at(from);
    for (const Party user : users) difference.users.emplace_back(parties_.name(user));
    for (const Action action : kActions) {
      if (actions.find(to_string(action)) != std::string::npos) difference.actions.insert(action);
    }
    differences.push_back(std::move(difference));
  }
  std::stable_sort(differences.begin(), differences.end(),
                   [](const Difference& a, const Difference& b) {
                     return std::tie(a.gained, a.users) < std::tie(b.gained, b.users);
                   });
  return differences;
}

// The patterns; without those of which a wider one says it already.
DifferenceReport::Summary DifferenceReport::sum_up(const std::vector<Asked>& images,
                                                   const Patterns& patterns) const {
  std::set<std::string_view> whole;
  PatternTable<std::vector<const std::string*>> table;
  for (const Asked asked : images) {
    const auto& [pattern, within, image] = images_[asked];
    if (!within.empty() || pattern.empty() || !whole.insert(pattern).second) continue;
    table[patterns.at(pattern)].push_back(&pattern);
  }
  std::set<std::string> told;
  for (const auto text : whole) {
    const auto& pattern = patterns.at(std::string(text));
    bool is_covered = false;
    table.covering(pattern, [&](const std::vector<const std::string*>& texts) {
      // Of two that match the same, the first is told.
      is_covered = std::any_of(texts.begin(), texts.end(), [&](const std::string* wide) {
        return *wide != text && (*wide < text || !covers(pattern, patterns.at(*wide)));
      });
      return !is_covered;
    });
    if (!is_covered) told.emplace(text);
  }
  std::set<std::string> known;
  std::string example;
  for (const Asked asked : images) {
    const auto& [pattern, within, image] = images_[asked];
    if (pattern.empty()) {
      known.insert(image);
    } else if (!within.empty() && !whole.contains(within) && !whole.contains(pattern)) {
      told.insert(std::string(pattern).append(" and ").append(within));
    }
    if (example.empty() || (!pattern.empty() && within.empty())) example = image;
  }
  return {{told.begin(), told.end()}, {known.begin(), known.end()}, example};
}

}  // namespace layergate::acl
