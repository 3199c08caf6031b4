// Values under patterns: for questions over whole policies. See acl/glob_map.h.
#pragma once

#include <string>
#include <string_view>

#include "acl/glob_map.h"
#include "acl/pattern.h"

namespace layergate::acl {

// A tag holds no '/', so that more stars than one are one.
inline std::string normal_tag(const Pattern& pattern) {
  std::string tag;
  for (const char c : pattern.tag) {
    if (c != '*' || !tag.ends_with('*')) tag += c;
  }
  return tag;
}

template <typename Value>
class PatternTable {
 public:
  // Stays where it is as long as the table.
  Value& operator[](const Pattern& pattern) { return names_[pattern.name][normal_tag(pattern)]; }

  // visit(value) for each pattern that matches the image.
  template <typename Visit>
  void matching(std::string_view name, std::string_view tag, Visit visit) const {
    names_.matching(name, [&](const std::string&, const Tags& tags) {
      tags.matching(tag, [&](const std::string&, const Value& value) { visit(value); });
    });
  }

  // visit(value) for each pattern that covers this one, until it answers false.
  template <typename Visit>
  void covering(const Pattern& narrow, Visit visit) const {
    const auto tag = normal_tag(narrow);
    names_.covering(narrow.name, [&](const std::string&, const Tags& tags) {
      return tags.covering(tag,
                           [&](const std::string&, const Value& value) { return visit(value); });
    });
  }

  // visit(pattern) for each pattern that may match an image that this one matches too, until it
  // answers false.
  template <typename Visit>
  void overlapping(const Pattern& other, Visit visit) const {
    const auto other_tag = normal_tag(other);
    names_.overlapping(other.name, [&](const std::string& name, const Tags& tags) {
      return tags.overlapping(other_tag, [&](const std::string& tag, const Value&) {
        return visit(Pattern{name, tag});
      });
    });
  }

  // visit(pattern, value) for all.
  template <typename Visit>
  void each(Visit visit) {
    names_.each([&](const std::string& name, Tags& tags) {
      tags.each([&](const std::string& tag, Value& value) { visit(Pattern{name, tag}, value); });
    });
  }

 private:
  using Tags = GlobMap<Value>;

  GlobMap<Tags> names_;
};

}  // namespace layergate::acl
