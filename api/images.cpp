#include "api/route.h"

namespace layergate::api {

std::span<const Route> image_routes() { return {}; }

}  // namespace layergate::api
