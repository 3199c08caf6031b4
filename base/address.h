// IP addresses and networks, as access rules and records use them.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

struct sockaddr;

namespace layergate {

// An IPv4 or IPv6 address, kept as 16 bytes; IPv4 stands as ::ffff:a.b.c.d, so that a client that
// comes over a dual-stack socket and a rule that names its IPv4 network meet.
class IpAddress {
 public:
  IpAddress() = default;  // ::

  // Dotted IPv4 or RFC 4291 IPv6 text, without port, brackets or zone.
  static std::optional<IpAddress> parse(std::string_view text);
  // AF_INET and AF_INET6; nothing for other families.
  static std::optional<IpAddress> from(const sockaddr* address);
  static IpAddress from_bytes(const std::array<std::uint8_t, 16>& bytes);

  [[nodiscard]] std::string to_string() const;
  [[nodiscard]] bool is_v4() const;
  [[nodiscard]] const std::array<std::uint8_t, 16>& bytes() const { return bytes_; }

  auto operator<=>(const IpAddress&) const = default;

 private:
  std::array<std::uint8_t, 16> bytes_{};
};

// A network in CIDR form (RFC 4632); a bare address is a network of one.
class IpNetwork {
 public:
  // Refuses host bits that are set ("10.0.0.1/8"): usually a typing error.
  static std::optional<IpNetwork> parse(std::string_view text);

  // The network that begins at first and has so many bits in common, counted in the 16-byte form
  // (IPv4: 96 more). REQUIRES: no host bit of first is set.
  static IpNetwork of(const IpAddress& first, int prefix);

  [[nodiscard]] bool contains(const IpAddress& address) const;
  [[nodiscard]] std::string to_string() const;
  [[nodiscard]] const IpAddress& first() const { return network_; }
  [[nodiscard]] IpAddress last() const;

 private:
  IpAddress network_;
  int prefix_ = 128;  // counted in the 16-byte form
};

bool contains(const std::vector<IpNetwork>& networks, const IpAddress& address);

// What is limited and counted as one client: an IPv4 address, or the /64 of an IPv6 address, since
// one customer's host has a whole /64 to choose from. Distinct for distinct networks.
std::uint64_t network_of(const IpAddress& address);
// The same for people: "192.0.2.1", "2001:db8:0:1::/64".
std::string network_name(const IpAddress& address);

}  // namespace layergate
