// The body of a call.
#pragma once

#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "api/call.h"

namespace layergate::admin {

// Bounded in depth (16), members of one object (10,000) and values in all (50,000). Refuses what is
// no JSON (RFC 8259) in UTF-8, and an object that has a name twice: who checks it and who carries
// it out could each take another. The error is a sentence.
tl::expected<api::Json, std::string> parse_json_body(std::string_view text);

}  // namespace layergate::admin
