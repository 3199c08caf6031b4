// The tags of a repository that an account may hold some right on, without walking all of them.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "acl/policy.h"
#include "index/index.h"

namespace layergate::index {

// Thread safety: of the Index. The policy and the repository must outlive this.
class Candidates {
 public:
  // Each allowed tag is among them, and others too.
  Candidates(const acl::Policy& policy, std::string_view account, acl::Action action,
             const Repository& repository)
      : repository_(repository) {
    // With `unregistered: push` a tag may be allowed though no rule names it.
    if (policy.may_push_unregistered()) return;
    ranges_ = policy.allowed_ranges(account, action, repository.name, kMostRanges);
    // What these speak of decides about them.
    if (ranges_) ranges_->insert(ranges_->end(), {{"sha256-", false}, {"sha512-", false}});
  }

  // Whether the rules name few beginnings of tags only; else every tag is a candidate.
  [[nodiscard]] bool are_bounded() const { return ranges_.has_value(); }
  [[nodiscard]] const std::vector<acl::Policy::TagRange>& ranges() const { return *ranges_; }

  using Tags = std::map<std::string, Tag, std::less<>>;
  // The first one from here on.
  [[nodiscard]] Tags::const_iterator from(Tags::const_iterator at) const {
    const auto end = repository_.tags.end();
    if (!ranges_) return at;
    while (at != end) {
      std::optional<std::string_view> next;  // the nearest range behind
      for (const auto& range : *ranges_) {
        if (range.exact ? at->first == range.text : at->first.starts_with(range.text)) return at;
        if (range.text > at->first && (!next || range.text < *next)) next = range.text;
      }
      at = next ? repository_.tags.lower_bound(*next) : end;
    }
    return end;
  }
  [[nodiscard]] Tags::const_iterator after(std::string_view tag) const {
    return from(tag.empty() ? repository_.tags.begin() : repository_.tags.upper_bound(tag));
  }

 private:
  static constexpr std::size_t kMostRanges = 1024;

  const Repository& repository_;
  std::optional<std::vector<acl::Policy::TagRange>> ranges_;
};

}  // namespace layergate::index
