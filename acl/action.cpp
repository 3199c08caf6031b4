#include "acl/action.h"

namespace layergate::acl {

std::string_view to_string(Action action) {
  switch (action) {
    case Action::view:
      return "view";
    case Action::pull:
      return "pull";
    case Action::push:
      return "push";
    case Action::erase:
      return "delete";
  }
  return "";
}

std::optional<Action> parse_action(std::string_view text) {
  for (const Action action : kActions) {
    if (to_string(action) == text) return action;
  }
  return std::nullopt;
}

}  // namespace layergate::acl
