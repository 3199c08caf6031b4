// The field lines of a message head.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

namespace layergate::proxy {

struct Field {
  std::string_view name;
  std::string_view value;  // without surrounding blanks
};

struct FieldsError {
  int status;  // 400 or 431
  std::string what;
};

// `text` is zero or more "name: value" lines that each end in CRLF, without the empty line. Refuses
// folded lines, names that are no token or hold '_' (which some servers read as '-'), and more than
// kMaxHeadFields.
tl::expected<std::vector<Field>, FieldsError> parse_fields(std::string_view text);

// The elements of a comma-separated list (RFC 9110, section 5.6.1), empty ones dropped.
void split_list(std::string_view value, std::vector<std::string_view>& out);

// Whether an If-None-Match names the entity tag, by the weak comparison (RFC 9110, section 13.1.2).
bool names_etag(std::string_view if_none_match, std::string_view etag);

}  // namespace layergate::proxy
