#include "proxy/fields.h"

#include <algorithm>

#include "proxy/http.h"

namespace layergate::proxy {

tl::expected<std::vector<Field>, FieldsError> parse_fields(std::string_view text) {
  std::vector<Field> fields;
  while (!text.empty()) {
    const auto end = text.find("\r\n");
    const auto line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 2);
    if (line.empty()) return tl::unexpected(FieldsError{400, "an empty line inside the head"});
    if (line.front() == ' ' || line.front() == '\t') {
      return tl::unexpected(FieldsError{400, "a folded header line"});
    }
    const auto colon = line.find(':');
    const auto name = line.substr(0, colon);
    if (colon == std::string_view::npos || !is_token(name) ||
        name.find('_') != std::string_view::npos) {
      return tl::unexpected(FieldsError{400, "a malformed header name"});
    }
    if (fields.size() == kMaxHeadFields) {
      return tl::unexpected(FieldsError{431, "more than 100 header fields"});
    }
    fields.push_back({name, trim(line.substr(colon + 1))});
  }
  return fields;
}

void split_list(std::string_view value, std::vector<std::string_view>& out) {
  while (!value.empty()) {
    const auto comma = value.find(',');
    const auto element = trim(value.substr(0, comma));
    if (!element.empty()) out.push_back(element);
    value.remove_prefix(comma == std::string_view::npos ? value.size() : comma + 1);
  }
}

bool names_etag(std::string_view if_none_match, std::string_view etag) {
  std::vector<std::string_view> tags;
  split_list(if_none_match, tags);
  return std::any_of(tags.begin(), tags.end(), [&](std::string_view tag) {
    if (tag.starts_with("W/")) tag.remove_prefix(2);
    return tag == "*" || tag == etag;
  });
}

}  // namespace layergate::proxy
