// Changes of what somebody else has changed meanwhile are noticed: strong ETags (RFC 9110, section
// 8.8.3) and If-Match (section 13.1.1).
#pragma once

#include <optional>
#include <string>

#include "api/call.h"

namespace layergate::api {

// "\"…\"", of all that the object shows: equal exactly if the text of its JSON is.
std::string etag_of(const Json& object);

// The object with its ETag.
Reply with_etag(Json object);

// Whether a change may be made to the object as it is now: yes without If-Match, for "*", and if
// `present` (etag_of) is one of those in the field; else 412 "changed", or 400 for a field that is
// none. For an object that does not exist give nothing.
std::optional<Reply> check_if_match(const Call& call, const std::optional<std::string>& present);

}  // namespace layergate::api
