// The answer to a GET or HEAD of a manifest whose bytes are in memory, as the registry gives it.
#pragma once

#include <string>
#include <string_view>

#include "oci/manifest.h"
#include "proxy/response.h"

namespace layergate::proxy {

// Whether an If-None-Match names the digest, as an entity tag or bare, as the registry takes it
// (RFC 9110, section 13.1.2).
bool names_digest(std::string_view if_none_match, std::string_view digest);

// 200, or 304 where the client has it already.
Response manifest_answer(const std::string& digest, oci::MediaType type, const std::string& body,
                         std::string_view if_none_match);

}  // namespace layergate::proxy
