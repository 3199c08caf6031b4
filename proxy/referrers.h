// The referrers API (OCI distribution specification 1.1, "Listing Referrers"), from the index: also
// in front of a registry that has none.
#pragma once

#include "index/rights.h"
#include "proxy/response.h"
#include "proxy/route.h"

namespace layergate::proxy {

// An empty list for a subject that is not there, or may not be read.
Response list_referrers(const Route& route, const index::Index& facts, const index::Rights& rights);

}  // namespace layergate::proxy
