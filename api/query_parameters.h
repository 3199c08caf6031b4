// Reads the query of a call, and is the only thing that does.
//
//     QueryParameters query(call, {"limit", "cursor", "since"});
//     const auto since = query.time("since", wall_now());
//     if (query.problem()) return *query.problem();
//     return page_of(call, query, …);
//
// What is not among the names, or stands twice, is refused and not passed over: a filter with a
// typing error in it would answer with everything. The first problem is the one that is told; what
// has one reads as if it were absent.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "api/call.h"
#include "base/clock.h"

namespace layergate::api {

// The problem of a query that holds anything but these names, each once at most.
std::optional<Reply> only_parameters(const Call& call,
                                     std::initializer_list<std::string_view> names);

class QueryParameters {
 public:
  static constexpr std::size_t kLimit = 100;
  static constexpr std::size_t kMostLimit = 1000;

  // The call must outlive this.
  QueryParameters(const Call& call, std::initializer_list<std::string_view> names);

  // As it was given, or nullptr. Lives as long as the call.
  [[nodiscard]] const std::string* find(std::string_view name) const;
  // "limit": how many items a page has at most, 1 to 1000.
  std::size_t limit();
  // The key in "cursor" (api/page.h): what comes after it is asked for. Empty if there is none.
  std::string cursor();
  // true or false
  bool boolean(std::string_view name, bool otherwise = false);
  // 2027-01-31T18:00:00Z, 2027-01-31 (midnight, UTC), or how long before `now`: 7d, 12h, 30m.
  std::optional<WallTime> time(std::string_view name, WallTime now);
  // One of these.
  std::optional<std::string> choice(std::string_view name,
                                    std::initializer_list<std::string_view> choices);

  // Remembers a problem that the caller found, unless there was one before.
  void refuse(std::string detail);
  [[nodiscard]] const std::optional<Reply>& problem() const { return problem_; }

 private:
  const Call& call_;
  std::optional<Reply> problem_;
};

}  // namespace layergate::api
