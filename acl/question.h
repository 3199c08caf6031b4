// What a policy is asked about an image, and which rules speak of it.
#pragma once

#include <optional>
#include <string_view>

#include "acl/draft.h"

namespace layergate::acl {

struct Question {
  Action action = Action::pull;
  std::string_view name;
  // Nothing: at least one tag that may or may not exist (Policy::decide_some_tag).
  std::optional<std::string_view> tag;
};

// The number in rule.images of the first pattern by which the rule says something to the question;
// nothing if it has none. The rule's actions are not looked at.
std::optional<std::size_t> matching_image(const RuleDraft& rule, const Question& question);

inline bool is_over(const RuleDraft& rule, WallTime now) {
  return rule.expires && now >= *rule.expires;
}

}  // namespace layergate::acl
