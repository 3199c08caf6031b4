#include "base/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>

#include <doctest/doctest.h>

namespace layergate {

TEST_CASE("address: IPv4 and IPv6 are read and written back") {
  for (const char* text : {"0.0.0.0", "10.1.2.3", "255.255.255.255", "::", "::1", "2001:db8::1"}) {
    const auto address = IpAddress::parse(text);
    REQUIRE(address);
    CHECK(address->to_string() == text);
  }
  CHECK(IpAddress::parse("2001:DB8:0:0:0:0:0:1")->to_string() == "2001:db8::1");
}

TEST_CASE("address: what is no bare address is refused") {
  using namespace std::string_view_literals;
  for (const auto text :
       {""sv, "10.1.2"sv, "10.1.2.256"sv, "010.1.2.3x"sv, "10.1.2.3:80"sv, "[::1]"sv, "::1%lo"sv,
        " 10.1.2.3"sv, "10.1.2.3 "sv, "10.1.2.3\0"sv, "localhost"sv, "0x0a.1.2.3"sv,
        "1111:2222:3333:4444:5555:6666:7777:8888:9999:0000:1111:2222"sv}) {
    CAPTURE(std::string{text});
    CHECK_FALSE(IpAddress::parse(text));
  }
}

TEST_CASE("address: IPv4 over a dual-stack socket is the same address") {
  CHECK(IpAddress::parse("::ffff:10.1.2.3") == IpAddress::parse("10.1.2.3"));
  CHECK(IpAddress::parse("::ffff:10.1.2.3")->is_v4());
  CHECK_FALSE(IpAddress::parse("::10.1.2.3")->is_v4());
  CHECK(IpAddress{} == *IpAddress::parse("::"));
}

TEST_CASE("address: socket addresses are taken") {
  sockaddr_in four{};
  four.sin_family = AF_INET;
  four.sin_addr.s_addr = htonl(0x0a010203);
  sockaddr_storage storage{};
  std::memcpy(&storage, &four, sizeof four);
  CHECK(IpAddress::from(reinterpret_cast<const sockaddr*>(&storage)) ==
        IpAddress::parse("10.1.2.3"));

  sockaddr_in6 six{};
  six.sin6_family = AF_INET6;
  six.sin6_addr = in6addr_loopback;
  std::memcpy(&storage, &six, sizeof six);
  CHECK(IpAddress::from(reinterpret_cast<const sockaddr*>(&storage)) == IpAddress::parse("::1"));

  storage.ss_family = AF_UNIX;
  CHECK_FALSE(IpAddress::from(reinterpret_cast<const sockaddr*>(&storage)));
}

TEST_CASE("network: contains what its prefix says") {
  struct Row {
    const char* network;
    const char* address;
    bool contains;
  };
  const Row rows[] = {
      {"10.0.0.0/8", "10.255.0.1", true},
      {"10.0.0.0/8", "11.0.0.0", false},
      {"10.1.2.3", "10.1.2.3", true},
      {"10.1.2.3", "10.1.2.4", false},
      {"0.0.0.0/0", "203.0.113.9", true},
      {"0.0.0.0/0", "2001:db8::1", false},
      {"0.0.0.0/0", "::", false},
      {"::/0", "203.0.113.9", true},
      {"::/0", "::", true},
      {"192.168.128.0/17", "192.168.127.255", false},
      {"192.168.128.0/17", "192.168.200.1", true},
      {"2001:db8::/33", "2001:db8:7fff::1", true},
      {"2001:db8::/33", "2001:db8:8000::", false},
      {"::1/128", "::1", true},
  };
  for (const Row& row : rows) {
    CAPTURE(row.network);
    CAPTURE(row.address);
    const auto network = IpNetwork::parse(row.network);
    REQUIRE(network);
    CHECK(network->contains(*IpAddress::parse(row.address)) == row.contains);
  }
}

TEST_CASE("network: host bits, bad prefixes and the rest are refused") {
  for (const char* text : {"10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "10.0.0.0/8x",
                           "10.0.0.0/+8", "10.0.0.0/0008", "::1/64", "::/129", "/8", "10.0.0.0/8/8",
                           "10.0.0.0/255.0.0.0", "::ffff:10.0.0.0/104", ""}) {
    CAPTURE(std::string{text});
    CHECK_FALSE(IpNetwork::parse(text));
  }
}

TEST_CASE("network: is written in CIDR form") {
  CHECK(IpNetwork::parse("10.0.0.0/8")->to_string() == "10.0.0.0/8");
  CHECK(IpNetwork::parse("10.1.2.3")->to_string() == "10.1.2.3/32");
  CHECK(IpNetwork::parse("2001:db8::/32")->to_string() == "2001:db8::/32");
  CHECK(IpNetwork::parse("::/0")->to_string() == "::/0");
}

}  // namespace layergate
