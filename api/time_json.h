// Times in answers.
#pragma once

#include <optional>

#include "api/call.h"
#include "base/clock.h"

namespace layergate::api {

inline Json time_or_null(const std::optional<WallTime>& time) {
  return time ? Json(format_time(*time)) : Json(nullptr);
}

}  // namespace layergate::api
