#include "api/query_parameters.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <utility>
#include <vector>

#include "api/page.h"
#include "api/problem.h"
#include "base/problem.h"
#include "base/quantity.h"

namespace layergate::api {
namespace {

std::string listed(const std::vector<std::string>& words) {
  std::string out;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) out += i + 1 == words.size() ? " or " : ", ";
    out += words[i];
  }
  return out;
}

}  // namespace

std::optional<Reply> only_parameters(const Call& call,
                                     std::initializer_list<std::string_view> names) {
  const std::vector<std::string> known(names.begin(), names.end());
  std::set<std::string_view> seen;
  for (const auto& [name, value] : call.query) {
    if (!seen.insert(name).second) return usage("the query parameter " + name + " stands twice");
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    std::string detail = "unknown query parameter " + name;
    const auto meant = closest(name, known);
    if (!meant.empty()) {
      detail += "; did you mean " + meant + "?";
    } else {
      detail += known.empty() ? "; this call takes none" : "; this call takes " + listed(known);
    }
    return usage(std::move(detail));
  }
  return std::nullopt;
}

QueryParameters::QueryParameters(const Call& call, std::initializer_list<std::string_view> names)
    : call_(call), problem_(only_parameters(call, names)) {}

const std::string* QueryParameters::find(std::string_view name) const {
  for (const auto& [key, value] : call_.query) {
    if (key == name) return &value;
  }
  return nullptr;
}

std::size_t QueryParameters::limit() {
  const auto* text = find("limit");
  if (text == nullptr) return kLimit;
  std::size_t value = 0;
  const auto* last = text->data() + text->size();
  const auto [end, error] = std::from_chars(text->data(), last, value);
  if (error == std::errc{} && end == last && value >= 1 && value <= kMostLimit) return value;
  refuse("limit must be a number from 1 to " + std::to_string(kMostLimit));
  return kLimit;
}

std::string QueryParameters::cursor() {
  const auto* text = find("cursor");
  if (text == nullptr) return "";
  auto key = key_of_cursor(call_, *text);
  if (key) return *std::move(key);
  refuse("cursor must be the \"next\" of an earlier page of this very list, as it was given");
  return "";
}

bool QueryParameters::boolean(std::string_view name, bool otherwise) {
  const auto value = choice(name, {"true", "false"});
  return value ? *value == "true" : otherwise;
}

std::optional<WallTime> QueryParameters::time(std::string_view name, WallTime now) {
  const auto* text = find(name);
  if (text == nullptr) return std::nullopt;
  if (const auto ago = parse_duration(*text)) return now - *ago;
  if (const auto time = parse_time(*text)) return time;
  refuse(std::string(name) +
         " must be a time as 2027-01-31T18:00:00Z, a date as 2027-01-31, or how long ago it is, as "
         "7d, 12h or 30m (a + in a query is written %2B)");
  return std::nullopt;
}

std::optional<std::string> QueryParameters::choice(
    std::string_view name, std::initializer_list<std::string_view> choices) {
  const auto* text = find(name);
  if (text == nullptr) return std::nullopt;
  if (std::find(choices.begin(), choices.end(), *text) != choices.end()) return *text;
  refuse(std::string(name) + " must be " + listed({choices.begin(), choices.end()}));
  return std::nullopt;
}

void QueryParameters::refuse(std::string detail) {
  if (!problem_) problem_ = usage(std::move(detail));
}

}  // namespace layergate::api
