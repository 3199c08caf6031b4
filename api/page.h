// A page of a list: {"items": […], "next": "…"}. `next` is null on the last page; given back as
// the query parameter "cursor" it gets the page behind.
//
// A cursor is no number of items but the key of the last one that was shown, so a list that changes
// between two pages neither repeats nor skips what stayed.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "api/call.h"
#include "api/query_parameters.h"

namespace layergate::api {

// Opaque to who gets it. Bound to the list that the call is about and checked, so that one that was
// cut off or belongs to another list is noticed; not signed: whoever makes one of his own only
// chooses where his page begins. REQUIRES: key is UTF-8.
std::string make_cursor(const Call& call, std::string_view key);
std::optional<std::string> key_of_cursor(const Call& call, std::string_view cursor);

// For lists that are no sorted range; last_key is nothing on the last page.
Reply page_of(const Call& call, Json items, const std::optional<std::string>& last_key);

// The page of `sorted` that the query (with "limit" and "cursor") asks for, or the query's problem.
// key_of(item) is its key as std::string or a view, and `sorted` has each key once, in ascending
// order; json_of(item) is what is shown of it.
template <typename Range, typename KeyOf, typename JsonOf>
Reply page_of(const Call& call, QueryParameters& query, const Range& sorted, KeyOf key_of,
              JsonOf json_of) {
  const auto limit = query.limit();
  const auto after = query.cursor();
  if (query.problem()) return *query.problem();
  auto at = after.empty()
                ? sorted.begin()
                : std::partition_point(sorted.begin(), sorted.end(), [&](const auto& item) {
                    return std::string_view(key_of(item)) <= std::string_view(after);
                  });
  auto items = Json::array();
  std::optional<std::string> last_key;
  for (; at != sorted.end() && items.size() < limit; ++at) {
    items.push_back(json_of(*at));
    if (items.size() == limit) last_key = std::string(key_of(*at));
  }
  if (at == sorted.end()) last_key.reset();
  return page_of(call, std::move(items), last_key);
}

}  // namespace layergate::api
