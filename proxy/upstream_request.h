// The head that goes to the registry, built from what was decided and from nothing else.
#pragma once

#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "proxy/error.h"
#include "proxy/request.h"

namespace layergate::proxy {

// Refuses field values that are not well-formed (400) and manifests without a usable Content-Type.
tl::expected<std::string, Refusal> upstream_head(const Request& request, std::string_view host);

// For the leg that follows a redirect: the same question, at another place.
std::string redirected_head(const Request& request, std::string_view target, std::string_view host);

}  // namespace layergate::proxy
