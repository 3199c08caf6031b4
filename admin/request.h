// A request of the admin port, copied out of evhttp: what works on it may outlive the connection.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/address.h"

struct evhttp_request;

namespace layergate::admin {

struct Request {
  std::string method;  // "GET", …; empty for one that evhttp does not know
  std::string path;    // as it was sent
  std::string query;   // likewise, without the "?"
  std::vector<std::pair<std::string, std::string>> fields;  // in their order
  std::string body;
  IpAddress peer;

  static Request of(evhttp_request* request);

  // The first of this name, or nullptr. Names have no case.
  [[nodiscard]] const std::string* field(std::string_view name) const;
  // The elements of all fields of this name, as one list.
  [[nodiscard]] std::vector<std::string_view> list(std::string_view name) const;
  // The value of a cookie (RFC 6265, section 5.4), or nothing.
  [[nodiscard]] std::optional<std::string> cookie(std::string_view name) const;
  [[nodiscard]] bool is_change() const { return method != "GET" && method != "HEAD"; }
  // Sent by a script or a form of a page, and not by a program of one's own.
  [[nodiscard]] bool is_of_page() const;
};

}  // namespace layergate::admin
