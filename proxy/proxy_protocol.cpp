#include "proxy/proxy_protocol.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace layergate::proxy {
namespace {

constexpr std::string_view kSignature{"\r\n\r\n\0\r\nQUIT\n", 12};
constexpr std::size_t kFixed = 16;        // signature, version and command, family, length
constexpr std::size_t kMostBytes = 2048;  // addresses and TLVs

std::uint8_t byte_at(std::string_view text, std::size_t at) {
  return static_cast<std::uint8_t>(text[at]);
}

}  // namespace

ProxyHeader parse_proxy_header(std::string_view text) {
  using Result = ProxyHeader::Result;
  const auto shared = std::min(text.size(), kSignature.size());
  if (text.empty() || text.substr(0, shared) != kSignature.substr(0, shared)) return {};
  if (text.size() < kFixed) return {Result::partial, 0, std::nullopt};

  const std::size_t length = std::size_t{byte_at(text, 14)} << 8U | byte_at(text, 15);
  if (length > kMostBytes) return {Result::bad, 0, std::nullopt};
  const auto size = kFixed + length;
  if (text.size() < size) return {Result::partial, 0, std::nullopt};

  const auto command = byte_at(text, 12);
  if (command == 0x20) return {Result::complete, size, std::nullopt};  // version 2, LOCAL
  if (command != 0x21) return {Result::bad, 0, std::nullopt};          // version 2, PROXY
  const auto family = byte_at(text, 13);
  std::array<std::uint8_t, 16> bytes{};
  if (family == 0x11 && length >= 12) {  // TCP over IPv4
    bytes[10] = bytes[11] = 0xff;
    std::memcpy(bytes.data() + 12, text.data() + kFixed, 4);
  } else if (family == 0x21 && length >= 36) {  // TCP over IPv6
    std::memcpy(bytes.data(), text.data() + kFixed, 16);
  } else {
    return {Result::bad, 0, std::nullopt};
  }
  return {Result::complete, size, IpAddress::from_bytes(bytes)};
}

}  // namespace layergate::proxy
