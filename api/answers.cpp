#include "api/route.h"

namespace layergate::api {

std::span<const Route> answer_routes() { return {}; }

}  // namespace layergate::api
