#include "proxy/forwarded.h"

namespace layergate::proxy {

std::optional<IpAddress> forwarded_address(const IpAddress& peer,
                                           const std::vector<std::string_view>& hops,
                                           const std::vector<IpNetwork>& trusted) {
  auto address = peer;
  for (auto hop = hops.rbegin(); hop != hops.rend() && contains(trusted, address); ++hop) {
    const auto parsed = IpAddress::parse(*hop);
    if (!parsed) return std::nullopt;
    address = *parsed;
  }
  return address;
}

}  // namespace layergate::proxy
