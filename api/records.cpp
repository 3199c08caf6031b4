#include "api/route.h"

namespace layergate::api {

std::span<const Route> record_routes() { return {}; }

}  // namespace layergate::api
