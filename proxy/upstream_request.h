// The head that goes to the registry, built from what was decided and from nothing else.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "proxy/byte_range.h"
#include "proxy/error.h"
#include "proxy/request.h"

namespace layergate::proxy {

// "a-b", as the distribution specification writes it, or RFC 9110's "bytes a-b/c", of which the
// registry understands the first form only.
std::optional<ByteSpan> parse_content_range(std::string_view text);

// Field values that are not well-formed (400).
std::optional<Refusal> refuse_fields(const RequestHead& head);

// Which part of a blob is asked for; nothing for all of it, as where If-Range names another one.
std::optional<ByteRange> wanted_range(const Request& request);

// Refuses what refuse_fields() does, and a Content-Range that is none (400). Not for manifests that
// are put: these are the keeper's (index/keeper.h).
tl::expected<std::string, Refusal> upstream_head(const Request& request, std::string_view host);

// For the leg that follows a redirect: the same question, at another place.
std::string redirected_head(const Request& request, std::string_view target, std::string_view host);

}  // namespace layergate::proxy
