#include "api/route.h"

namespace layergate::api {

std::span<const Route> account_routes() { return {}; }

}  // namespace layergate::api
