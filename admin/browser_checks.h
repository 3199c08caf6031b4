// What keeps other people's pages from using the browser of somebody who is logged in here.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "admin/request.h"
#include "api/call.h"

namespace layergate::admin {

// Host must be an IP address, localhost or one of the names (lower case), with any port: a page
// whose own name was pointed at this address (DNS rebinding) is the same origin to its browser, but
// still says its name here. 421, or 400 for no Host or one that is none.
std::optional<api::Reply> refuse_host(const Request& request,
                                      const std::vector<std::string>& names);

// A page of another origin, as Sec-Fetch-Site and, for changes, Origin tell it; and a change
// without X-Layergate-Request or X-CSRF-Token: a form or a link cannot set them, and a script of
// another origin is not let to (it would have to ask with OPTIONS first, which is never granted). A
// browser that caches Basic credentials, or has the cookie, sends those along with any of them.
// 403.
std::optional<api::Reply> refuse_foreign_page(const Request& request);

}  // namespace layergate::admin
