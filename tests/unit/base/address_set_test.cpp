#include "base/address_set.h"

#include <random>

#include <doctest/doctest.h>

namespace layergate {
namespace {

AddressSet set_of(std::initializer_list<const char*> networks) {
  std::vector<IpNetwork> parsed;
  for (const auto* text : networks) parsed.push_back(IpNetwork::parse(text).value());
  return AddressSet::of(parsed);
}

IpAddress address(const char* text) { return IpAddress::parse(text).value(); }

}  // namespace

TEST_CASE("address set: what is in, and how it is said") {
  CHECK(AddressSet{}.to_string() == "nowhere");
  CHECK(AddressSet::all().to_string() == "anywhere");
  CHECK(AddressSet::all().complement().empty());
  CHECK(AddressSet{}.complement().is_all());
  CHECK(set_of({"::/0"}).is_all());
  CHECK(set_of({"10.0.0.0/9", "10.128.0.0/9"}) == set_of({"10.0.0.0/8"}));
  CHECK(set_of({"10.1.0.0/16", "10.0.0.0/8"}).to_string() == "10.0.0.0/8");
  CHECK(set_of({"0.0.0.0/0"}).to_string() == "0.0.0.0/0");

  auto but = AddressSet::all();
  but.subtract(set_of({"10.0.0.0/8"}));
  CHECK(but.to_string() == "anywhere but 10.0.0.0/8");
  CHECK_FALSE(but.contains(address("10.1.2.3")));
  CHECK(but.contains(address("::1")));

  auto part = set_of({"10.0.0.0/8", "192.0.2.0/24"});
  part.intersect(set_of({"10.1.0.0/16", "2001:db8::/32"}));
  CHECK(part.to_string() == "10.1.0.0/16");
  part.subtract(set_of({"10.0.0.0/7"}));
  CHECK(part.empty());
}

TEST_CASE("address set: at random, as the networks say one by one") {
  std::mt19937 random(7);
  const auto some = [&] {
    std::vector<IpNetwork> networks;
    for (auto n = random() % 5; n > 0; --n) {
      const int prefix = 96 + static_cast<int>(random() % 33);
      std::array<std::uint8_t, 16> bytes = address("10.0.0.0").bytes();
      bytes[15] = static_cast<std::uint8_t>(random());
      bytes[12] = static_cast<std::uint8_t>(random() % 4);
      for (int bit = prefix; bit < 128; ++bit) {
        bytes[static_cast<std::size_t>(bit / 8)] &=
            static_cast<std::uint8_t>(~(0x80U >> static_cast<unsigned>(bit % 8)));
      }
      networks.push_back(IpNetwork::of(IpAddress::from_bytes(bytes), prefix));
    }
    return networks;
  };
  for (int round = 0; round < 300; ++round) {
    const auto a = some();
    const auto b = some();
    auto both = AddressSet::of(a);
    both.insert(b);
    auto common = AddressSet::of(a);
    common.intersect(AddressSet::of(b));
    auto only_a = AddressSet::of(a);
    only_a.subtract(AddressSet::of(b));
    CHECK(AddressSet::of(both.networks()) == both);
    CHECK(only_a.complement().complement() == only_a);
    std::vector<IpAddress> asked = {IpAddress{}, address("255.255.255.255")};
    for (const auto& network : a) {
      asked.push_back(network.first());
      asked.push_back(network.last());
    }
    for (const auto& network : b) asked.push_back(network.last());
    for (const auto& one : asked) {
      const bool in_a = contains(a, one);
      const bool in_b = contains(b, one);
      REQUIRE(both.contains(one) == (in_a || in_b));
      REQUIRE(common.contains(one) == (in_a && in_b));
      REQUIRE(only_a.contains(one) == (in_a && !in_b));
    }
  }
}

}  // namespace layergate
