// Images that stand for all that patterns can tell apart: made up, so that asking about each of
// them is asking about every image, as far as two patterns at a time go.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "acl/glob_algebra.h"
#include "acl/pattern.h"
#include "acl/pattern_table.h"

namespace layergate::acl {

struct Witness {
  std::string name;
  std::string tag;
  std::string pattern;  // that it is an example of
  std::string within;   // the other one, if it is for what two have in common
};

// A word and a character that appear in no pattern that is seen, if there are such.
class FreshText {
 public:
  void see(const Pattern& pattern) { seen_ += pattern.to_string() + "\n"; }
  [[nodiscard]] Filler filler() const;

 private:
  std::string seen_;
};

// An image that both match and that could exist; as an example of a.
std::optional<Witness> common_image(const Pattern& a, const Pattern& b, const Filler& filler);

// Calls visit(witness) for an example of the pattern, and for one of what it has in common with
// each other pattern of the table that overlaps it. Takes from `tries`, and answers false if it was
// used up.
template <typename Value, typename Visit>
bool each_witness(const Pattern& pattern, const PatternTable<Value>& others, const Filler& filler,
                  std::size_t& tries, Visit visit) {
  if (const auto own = common_image(pattern, pattern, filler)) visit(*own);
  if (pattern.is_literal()) return true;
  bool all = true;
  const auto within = pattern.to_string();
  others.overlapping(pattern, [&](const Pattern& other) {
    all = tries > 0;
    if (!all) return false;
    --tries;
    if (auto both = common_image(other, pattern, filler)) {
      both->within = within;
      visit(*both);
    }
    return true;
  });
  return all;
}

}  // namespace layergate::acl
