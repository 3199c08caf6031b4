#include "api/body.h"

#include <algorithm>

#include "api/problem.h"
#include "base/problem.h"

namespace layergate::api {
namespace {

bool is_short_text(const Json& value) {
  return value.is_string() &&
         value.get_ref<const std::string&>().size() <= BodyReader::kLongestText;
}

bool is_list_of_texts(const Json& value) {
  return value.is_array() && value.size() <= BodyReader::kLongestList &&
         std::all_of(value.begin(), value.end(), is_short_text);
}

std::string in_quotes(std::string_view key) { return "\"" + std::string(key) + "\""; }

}  // namespace

BodyReader::BodyReader(const Call& call, std::initializer_list<std::string_view> keys) {
  if (!call.body || !call.body->is_object()) {
    refuse("the body must be a JSON object");
    return;
  }
  body_ = &*call.body;
  const std::vector<std::string> known(keys.begin(), keys.end());
  for (const auto& [key, value] : body_->items()) {
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    const auto meant = closest(key, known);
    std::string all;
    for (const auto& name : known) all += (all.empty() ? "" : ", ") + name;
    refuse("unknown key " + in_quotes(std::string_view(key).substr(0, 80)) +
           (meant.empty() ? "; known are " + all : "; did you mean " + in_quotes(meant) + "?"));
  }
}

const Json* BodyReader::find(std::string_view key) const {
  if (body_ == nullptr) return nullptr;
  const auto found = body_->find(std::string(key));
  return found == body_->end() ? nullptr : &*found;
}

const Json* BodyReader::find(std::string_view key, bool (*is_right)(const Json&),
                             std::string_view wanted) {
  const auto* value = find(key);
  if (value == nullptr || is_right(*value)) return value;
  refuse(in_quotes(key) + " must be " + std::string(wanted));
  return nullptr;
}

bool BodyReader::is_null(std::string_view key) const {
  const auto* value = find(key);
  return value != nullptr && value->is_null();
}

std::optional<std::string> BodyReader::text(std::string_view key) {
  const auto* value = find(key, is_short_text, "text of at most 4096 bytes");
  if (value == nullptr) return std::nullopt;
  return value->get<std::string>();
}

std::string BodyReader::required_text(std::string_view key) {
  if (!has(key)) refuse(in_quotes(key) + " is missing");
  return text(key).value_or("");
}

std::optional<std::vector<std::string>> BodyReader::texts(std::string_view key) {
  const auto* value = find(key, is_list_of_texts, "a list of at most 10000 texts");
  if (value == nullptr) return std::nullopt;
  return value->get<std::vector<std::string>>();
}

std::optional<bool> BodyReader::boolean(std::string_view key) {
  const auto* value = find(
      key, [](const Json& given) { return given.is_boolean(); }, "true or false");
  if (value == nullptr) return std::nullopt;
  return value->get<bool>();
}

std::optional<std::uint64_t> BodyReader::count(std::string_view key) {
  const auto* value = find(
      key,
      [](const Json& given) {
        return given.is_number_unsigned() ||
               (given.is_number_integer() && given.get<std::int64_t>() >= 0);
      },
      "a whole number");
  if (value == nullptr) return std::nullopt;
  return value->get<std::uint64_t>();
}

void BodyReader::refuse(std::string detail) {
  if (!problem_) problem_ = usage(std::move(detail));
}

}  // namespace layergate::api
