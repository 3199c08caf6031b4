// Whose request it is where front ends stand between.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "base/address.h"

namespace layergate::proxy {

// The client's address: the rightmost of X-Forwarded-For that is no trusted front end's, and the
// peer's if that is none. Nothing if the field cannot be read, which from a trusted front end never
// happens.
std::optional<IpAddress> forwarded_address(const IpAddress& peer,
                                           const std::vector<std::string_view>& hops,
                                           const std::vector<IpNetwork>& trusted);

}  // namespace layergate::proxy
