// What a status of HTTP is called (RFC 9110, section 15; RFC 6585).
#pragma once

#include <string_view>

namespace layergate {

std::string_view reason_phrase(int status);

}  // namespace layergate
