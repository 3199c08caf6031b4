#include "acl/action.h"

#include <doctest/doctest.h>

namespace layergate::acl {

TEST_CASE("action: each has one name") {
  for (const Action action : kActions) CHECK(parse_action(to_string(action)) == action);
  CHECK(parse_action("delete") == Action::erase);
  CHECK_FALSE(parse_action("erase"));
  CHECK_FALSE(parse_action("Pull"));
  CHECK_FALSE(parse_action("admin"));
  CHECK_FALSE(parse_action(""));
}

TEST_CASE("action: a set holds what was put in") {
  ActionSet set;
  CHECK(set.empty());
  set.insert(Action::pull);
  CHECK(set.contains(Action::pull));
  CHECK_FALSE(set.contains(Action::push));
  CHECK(set.intersects(ActionSet::all()));
  CHECK_FALSE(set.intersects(ActionSet{}));
  for (const Action action : kActions) set.insert(action);
  CHECK(set == ActionSet::all());
}

}  // namespace layergate::acl
