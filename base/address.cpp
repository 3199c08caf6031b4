#include "base/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace layergate {
namespace {

constexpr int kV4Prefix = 96;  // bits before the IPv4 part of a mapped address

IpAddress mapped(const std::uint8_t* four) {
  std::array<std::uint8_t, 16> bytes{};
  bytes[10] = bytes[11] = 0xff;
  std::memcpy(bytes.data() + 12, four, 4);
  return IpAddress::from_bytes(bytes);
}

bool bit_is_set(const std::array<std::uint8_t, 16>& bytes, int bit) {
  return (bytes[static_cast<std::size_t>(bit / 8)] >> (7 - bit % 8) & 1) != 0;
}

}  // namespace

IpAddress IpAddress::from_bytes(const std::array<std::uint8_t, 16>& bytes) {
  IpAddress address;
  address.bytes_ = bytes;
  return address;
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  std::array<char, INET6_ADDRSTRLEN> buffer{};
  // inet_pton() would stop at a NUL and call the rest good.
  if (text.size() >= buffer.size() || text.find('\0') != text.npos) return std::nullopt;
  std::copy(text.begin(), text.end(), buffer.begin());
  in_addr four{};
  if (inet_pton(AF_INET, buffer.data(), &four) == 1) {
    std::array<std::uint8_t, 4> bytes{};
    std::memcpy(bytes.data(), &four, 4);
    return mapped(bytes.data());
  }
  IpAddress address;
  if (inet_pton(AF_INET6, buffer.data(), address.bytes_.data()) == 1) return address;
  return std::nullopt;
}

std::optional<IpAddress> IpAddress::from(const sockaddr* address) {
  if (address->sa_family == AF_INET) {
    sockaddr_in in{};
    std::memcpy(&in, address, sizeof in);
    std::array<std::uint8_t, 4> bytes{};
    std::memcpy(bytes.data(), &in.sin_addr, 4);
    return mapped(bytes.data());
  }
  if (address->sa_family == AF_INET6) {
    sockaddr_in6 in{};
    std::memcpy(&in, address, sizeof in);
    IpAddress result;
    std::memcpy(result.bytes_.data(), &in.sin6_addr, 16);
    return result;
  }
  return std::nullopt;
}

bool IpAddress::is_v4() const {
  return std::all_of(bytes_.begin(), bytes_.begin() + 10, [](auto b) { return b == 0; }) &&
         bytes_[10] == 0xff && bytes_[11] == 0xff;
}

std::string IpAddress::to_string() const {
  if (is_v4()) {
    std::string text;
    for (auto byte = bytes_.begin() + 12; byte != bytes_.end(); ++byte) {
      if (!text.empty()) text += '.';
      text += std::to_string(*byte);
    }
    return text;
  }
  std::array<char, INET6_ADDRSTRLEN> buffer{};
  inet_ntop(AF_INET6, bytes_.data(), buffer.data(), buffer.size());
  return buffer.data();
}

std::optional<IpNetwork> IpNetwork::parse(std::string_view text) {
  const auto slash = text.find('/');
  const auto address = IpAddress::parse(text.substr(0, slash));
  if (!address) return std::nullopt;
  IpNetwork network;
  network.network_ = *address;
  if (slash == std::string_view::npos) return network;

  const auto digits = text.substr(slash + 1);
  int prefix = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), prefix);
  const int longest = address->is_v4() ? 32 : 128;
  if (error != std::errc{} || end != digits.data() + digits.size() || prefix < 0 ||
      prefix > longest || digits.size() > 3) {
    return std::nullopt;
  }
  network.prefix_ = address->is_v4() ? kV4Prefix + prefix : prefix;
  for (int bit = network.prefix_; bit < 128; ++bit) {
    if (bit_is_set(address->bytes(), bit)) return std::nullopt;
  }
  return network;
}

IpNetwork IpNetwork::of(const IpAddress& first, int prefix) {
  IpNetwork network;
  network.network_ = first;
  network.prefix_ = prefix;
  return network;
}

IpAddress IpNetwork::last() const {
  auto bytes = network_.bytes();
  for (int bit = prefix_; bit < 128; ++bit) {
    bytes[static_cast<std::size_t>(bit / 8)] |= static_cast<std::uint8_t>(0x80 >> (bit % 8));
  }
  return IpAddress::from_bytes(bytes);
}

bool IpNetwork::contains(const IpAddress& address) const {
  const auto whole = static_cast<std::size_t>(prefix_ / 8);
  if (!std::equal(network_.bytes().begin(),
                  network_.bytes().begin() + static_cast<std::ptrdiff_t>(whole),
                  address.bytes().begin())) {
    return false;
  }
  const int rest = prefix_ % 8;
  if (rest == 0) return true;
  const auto mask = static_cast<std::uint8_t>(0xff << (8 - rest));
  return (network_.bytes()[whole] & mask) == (address.bytes()[whole] & mask);
}

std::string IpNetwork::to_string() const {
  const int shown = network_.is_v4() && prefix_ >= kV4Prefix ? prefix_ - kV4Prefix : prefix_;
  return network_.to_string() + "/" + std::to_string(shown);
}

bool contains(const std::vector<IpNetwork>& networks, const IpAddress& address) {
  return std::any_of(networks.begin(), networks.end(),
                     [&](const IpNetwork& network) { return network.contains(address); });
}

std::uint64_t network_of(const IpAddress& address) {
  const auto& bytes = address.bytes();
  // IPv4 takes the values of ::ffff:a.b.c.d read as a /64 would be: 0:ffff:…, which lies in 0::/8,
  // reserved by RFC 4291 and never a client's.
  const auto first = address.is_v4() ? bytes.begin() + 8 : bytes.begin();
  std::uint64_t value = 0;
  for (auto at = first; at != first + 8; ++at) value = value << 8 | *at;
  return value;
}

std::string network_name(const IpAddress& address) {
  if (address.is_v4()) return address.to_string();
  auto bytes = address.bytes();
  std::fill(bytes.begin() + 8, bytes.end(), std::uint8_t{0});
  return IpAddress::from_bytes(bytes).to_string() + "/64";
}

}  // namespace layergate
