// PROXY protocol, version 2 (haproxy's proxy-protocol.txt, section 2.2): how a TCP front end says
// whose connection it passes on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/address.h"

namespace layergate::proxy {

struct ProxyHeader {
  enum class Result : std::uint8_t { none, partial, complete, bad };

  Result result = Result::none;
  std::size_t size = 0;              // complete: bytes to skip
  std::optional<IpAddress> address;  // nothing for LOCAL, where the front end speaks for itself
};

// `text` is what a connection began with. Version 1, the text form, is not read.
ProxyHeader parse_proxy_header(std::string_view text);

}  // namespace layergate::proxy
