// Errors of the management API: problem details (RFC 9457).
#pragma once

#include <string>
#include <string_view>

#include "api/call.h"
#include "manage/failure.h"

namespace layergate::api {

// {"type": "about:blank", "title", "status", "detail", "code"}; `code` is a word for programs:
// "not_found", "denied", "usage", "conflict", "invalid", "changed", "io".
Reply problem(int status, std::string_view code, std::string detail);
Reply problem(const manage::Failure& failure);

inline Reply not_found(std::string detail) { return problem(404, "not_found", std::move(detail)); }
inline Reply denied(std::string detail) { return problem(403, "denied", std::move(detail)); }
inline Reply usage(std::string detail) { return problem(400, "usage", std::move(detail)); }

}  // namespace layergate::api
