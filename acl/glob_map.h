// Values under globs, found without trying each.
//
// Globs lie together by what stands before their first wildcard. A text, and a glob that is to be
// covered, find those whose beginning is theirs by a look into a hash table for each length; a glob
// finds those that may overlap it from both sides.
//
// Thread safety: reading only, any number of threads; adding, one.
#pragma once

#include <algorithm>
#include <bitset>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>

#include "acl/glob.h"
#include "acl/glob_algebra.h"

namespace layergate::acl {

// REQUIRES: the globs are no longer than kLongestGlob.
template <typename Value>
class GlobMap {
 public:
  GlobMap() = default;
  GlobMap(const GlobMap&) = delete;
  GlobMap& operator=(const GlobMap&) = delete;

  // Stays where it is as long as the map.
  Value& operator[](const std::string& glob) {
    const auto prefix = literal_prefix(glob);
    auto found = by_prefix_.find(prefix);
    if (found == by_prefix_.end()) {
      const auto made = beginnings_.try_emplace(std::string(prefix)).first;
      found = by_prefix_.emplace(made->first, &made->second).first;
      lengths_.set(prefix.size());
      longest_ = std::max(longest_, prefix.size());
    }
    return (*found->second)[glob];
  }

  // visit(glob, value) for each glob that matches the text.
  template <typename Visit>
  void matching(std::string_view text, Visit visit) const {
    above(text, [&](const std::string& glob, const Value& value) {
      if (glob_matches(glob, text)) visit(glob, value);
      return true;
    });
  }

  // For each glob that covers this one (glob_covers), until visit answers false; whether it never
  // did. The same for overlapping().
  template <typename Visit>
  bool covering(std::string_view narrow, Visit visit) const {
    return above(literal_prefix(narrow), [&](const std::string& glob, const Value& value) {
      return !glob_covers(glob, narrow) || visit(glob, value);
    });
  }

  // For each glob that may match some text that this one matches too.
  template <typename Visit>
  bool overlapping(std::string_view other, Visit visit) const {
    const auto prefix = literal_prefix(other);
    if (!above(prefix, visit)) return false;
    if (prefix.size() == other.size()) return true;
    for (auto at = beginnings_.upper_bound(prefix);
         at != beginnings_.end() && at->first.starts_with(prefix); ++at) {
      if (!each_of(at->second, visit)) return false;
    }
    return true;
  }

  // For all.
  template <typename Visit>
  void each(Visit visit) {
    for (auto& [prefix, globs] : beginnings_) {
      for (auto& [glob, value] : globs) visit(glob, value);
    }
  }

 private:
  using Globs = std::map<std::string, Value>;

  template <typename Visit>
  static bool each_of(const Globs& globs, Visit visit) {
    return std::all_of(globs.begin(), globs.end(),
                       [&](const auto& each) { return visit(each.first, each.second); });
  }

  // For each glob whose literal prefix is one of text's, or text itself.
  template <typename Visit>
  bool above(std::string_view text, Visit visit) const {
    for (std::size_t length = 0; length <= std::min(text.size(), longest_); ++length) {
      if (!lengths_[length]) continue;
      const auto found = by_prefix_.find(text.substr(0, length));
      if (found != by_prefix_.end() && !each_of(*found->second, visit)) return false;
    }
    return true;
  }

  std::map<std::string, Globs, std::less<>> beginnings_;
  std::unordered_map<std::string_view, Globs*> by_prefix_;  // into beginnings_
  std::bitset<kLongestGlob + 1> lengths_;                   // of prefixes, that some glob has
  std::size_t longest_ = 0;
};

}  // namespace layergate::acl
