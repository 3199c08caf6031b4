// A set of IP addresses, exact: what several networks allow, less what others deny.
#pragma once

#include <string>
#include <vector>

#include "base/address.h"

namespace layergate {

class AddressSet {
 public:
  AddressSet() = default;  // none
  static AddressSet all();
  static AddressSet of(const std::vector<IpNetwork>& networks);

  void insert(const AddressSet& others);
  void insert(const std::vector<IpNetwork>& networks) { insert(of(networks)); }
  void intersect(const AddressSet& others);
  void subtract(const AddressSet& others) { intersect(others.complement()); }
  [[nodiscard]] AddressSet complement() const;

  [[nodiscard]] bool empty() const { return ranges_.empty(); }
  [[nodiscard]] bool is_all() const;
  [[nodiscard]] bool contains(const IpAddress& address) const;
  // Some address of it. REQUIRES: it is not empty.
  [[nodiscard]] const IpAddress& any() const { return ranges_.front().first; }

  // The fewest networks that are the set, in the order of their addresses.
  [[nodiscard]] std::vector<IpNetwork> networks() const;
  // "anywhere", "nowhere", "10.0.0.0/8, ::1/128" or "anywhere but 10.0.0.0/8".
  [[nodiscard]] std::string to_string() const;

  bool operator==(const AddressSet&) const = default;

 private:
  struct Range {
    IpAddress first, last;
    bool operator==(const Range&) const = default;
  };
  std::vector<Range> ranges_;  // sorted; none touches the next
};

}  // namespace layergate
