#include "acl/glob_keys.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

namespace layergate::acl {
namespace {

std::vector<std::string> found(const KeyTables& tables, const GlobKeys& texts,
                               std::string_view text) {
  FoundKeys keys;
  find_keys(tables, texts, text, keys);
  std::vector<std::string> all;
  for (const GlobKey key : keys) all.emplace_back(texts.text_of(key));
  return all;
}

}  // namespace

TEST_CASE("glob keys: a text finds its prefixes, the shortest first, and itself") {
  GlobKeys keys;
  for (const auto* glob : {"**", "team/**", "team/app", "team/a*", "team/app/?", "other"}) {
    keys.add(glob);
  }
  using Texts = std::vector<std::string>;
  CHECK(found(keys.tables(), keys, "team/app") == Texts{"", "team/", "team/a", "team/app"});
  CHECK(found(keys.tables(), keys, "team/app/x") == Texts{"", "team/", "team/a", "team/app/"});
  CHECK(found(keys.tables(), keys, "x") == Texts{""});
  CHECK(found(keys.tables(), keys, "") == Texts{""});
  CHECK(found(keys.tables(), keys, std::string(1000, 'x')) == Texts{""});
}

// The search goes by 32 bits of the hash first. Two texts of which these are the same can be had by
// whoever may choose names, and a rule that denies must be found all the same.
TEST_CASE("glob keys: another key with the same hash hides nothing") {
  GlobKeys keys;
  const auto wanted = keys.add("team/app");
  const auto other = keys.add("team/other");
  const auto slots = keys.tables().literals();
  const std::vector<IdTable::Slot> all(slots.begin(), slots.end());
  std::size_t home = 0;
  while (all[home].id != wanted) ++home;
  const auto check = all[home].check;
  const auto with = [&](std::vector<GlobKey> in_turn) {
    std::vector<IdTable::Slot> made(all.size());
    for (std::size_t i = 0; i < in_turn.size(); ++i) {
      made[(home + i) % made.size()] = {check, in_turn[i]};
    }
    auto tables = KeyTables::adopt(std::move(made), {}, keys);
    REQUIRE(tables.has_value());
    return found(*tables, keys, "team/app");
  };
  CHECK(with({other, wanted}) == std::vector<std::string>{"team/app"});
  CHECK(with({wanted, other}) == std::vector<std::string>{"team/app"});
  CHECK(with({other}).empty());
}

}  // namespace layergate::acl
