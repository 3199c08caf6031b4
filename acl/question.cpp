#include "acl/question.h"

#include <algorithm>

#include "acl/glob.h"

namespace layergate::acl {

std::optional<std::size_t> matching_image(const RuleDraft& rule, const Question& question) {
  const auto found =
      std::find_if(rule.images.begin(), rule.images.end(), [&](const Pattern& pattern) {
        if (question.tag) return pattern.matches(question.name, *question.tag);
        // Some tag is left as long as a deny does not take them all.
        return glob_matches(pattern.name, question.name) && (!rule.deny || pattern.is_every_tag());
      });
  if (found == rule.images.end()) return std::nullopt;
  return static_cast<std::size_t>(found - rule.images.begin());
}

}  // namespace layergate::acl
