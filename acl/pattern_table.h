// Patterns by what they can match, without trying each: for questions over whole policies.
//
// A set of globs in the order of what stands before their first wildcard. A text, and a glob that
// is to be covered, find the ones whose beginning is theirs; a glob finds those that may overlap it
// from both sides.
//
// Thread safety: reading only, any number of threads; adding, one.
#pragma once

#include <algorithm>
#include <bitset>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "acl/glob.h"
#include "acl/glob_algebra.h"
#include "acl/pattern.h"

namespace layergate::acl {

// Of values under globs. REQUIRES: the globs are no longer than kLongestGlob.
template <typename Value>
class GlobMap {
 public:
  Value& operator[](const std::string& glob) {
    const auto length = literal_prefix(glob).size();
    lengths_.set(length);
    longest_ = std::max(longest_, length);
    auto& entry = entries_[glob.substr(0, length) + '\0' + glob.substr(length)];
    if (entry.glob.empty()) entry.glob = glob;
    return entry.value;
  }

  // visit(glob, value) for each glob that matches the text.
  template <typename Visit>
  void matching(std::string_view text, Visit visit) const {
    above(text, [&](const Entry& entry) {
      if (glob_matches(entry.glob, text)) visit(entry.glob, entry.value);
      return true;
    });
  }

  // For each glob that covers this one (glob_covers).
  template <typename Visit>
  void covering(std::string_view narrow, Visit visit) const {
    above(literal_prefix(narrow), [&](const Entry& entry) {
      if (glob_covers(entry.glob, narrow)) visit(entry.glob, entry.value);
      return true;
    });
  }

  // For each glob that may match some text that this one matches too, until visit answers false;
  // whether it never did.
  template <typename Visit>
  bool overlapping(std::string_view other, Visit visit) const {
    const auto prefix = literal_prefix(other);
    if (!above(prefix, [&](const Entry& entry) { return visit(entry.glob, entry.value); })) {
      return false;
    }
    if (prefix.size() == other.size()) return true;
    // Those whose beginning is longer; behind all with this one, for no key holds \1.
    for (auto at = entries_.lower_bound(std::string(prefix) + '\1');
         at != entries_.end() && at->first.starts_with(prefix); ++at) {
      if (!visit(at->second.glob, at->second.value)) return false;
    }
    return true;
  }

 private:
  struct Entry {
    std::string glob;
    Value value;
  };

  // For each glob whose literal prefix is one of text's, or text itself, until visit answers false;
  // whether it never did.
  template <typename Visit>
  bool above(std::string_view text, Visit visit) const {
    for (std::size_t length = 0; length <= std::min(text.size(), longest_); ++length) {
      if (!lengths_[length]) continue;
      const auto key = std::string(text.substr(0, length)) + '\0';
      for (auto at = entries_.lower_bound(key); at != entries_.end() && at->first.starts_with(key);
           ++at) {
        if (!visit(at->second)) return false;
      }
    }
    return true;
  }

  // Under the literal prefix, \0 and the rest.
  std::map<std::string, Entry, std::less<>> entries_;
  std::bitset<kLongestGlob + 1> lengths_;  // of prefixes, that some glob has
  std::size_t longest_ = 0;
};

// Numbers under patterns.
class PatternTable {
 public:
  using Number = std::uint32_t;

  // A tag holds no '/', so that more stars than one are one.
  static std::string normal_tag(const Pattern& pattern) {
    std::string tag;
    for (const char c : pattern.tag) {
      if (c != '*' || !tag.ends_with('*')) tag += c;
    }
    return tag;
  }

  void add(const Pattern& pattern, Number number) {
    names_[pattern.name][normal_tag(pattern)].push_back(number);
  }

  // visit(number) for each pattern that matches the image; a number as often as it was added.
  template <typename Visit>
  void matching(std::string_view name, std::string_view tag, Visit visit) const {
    names_.matching(name, [&](const std::string&, const Tags& tags) {
      tags.matching(tag, [&](const std::string&, const std::vector<Number>& numbers) {
        for (const auto number : numbers) visit(number);
      });
    });
  }

  // For each pattern that covers this one.
  template <typename Visit>
  void covering(const Pattern& narrow, Visit visit) const {
    names_.covering(narrow.name, [&](const std::string&, const Tags& tags) {
      tags.covering(normal_tag(narrow),
                    [&](const std::string&, const std::vector<Number>& numbers) {
                      for (const auto number : numbers) visit(number);
                    });
    });
  }

  // visit(pattern) for each different pattern that may match an image that this one matches too,
  // until it answers false.
  template <typename Visit>
  void overlapping(const Pattern& other, Visit visit) const {
    names_.overlapping(other.name, [&](const std::string& name, const Tags& tags) {
      return tags.overlapping(normal_tag(other),
                              [&](const std::string& tag, const std::vector<Number>&) {
                                return visit(Pattern{name, tag});
                              });
    });
  }

 private:
  using Tags = GlobMap<std::vector<Number>>;

  GlobMap<Tags> names_;
};

}  // namespace layergate::acl
