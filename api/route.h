// One kind of call: which it is, who may make it, what answers it.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/call.h"
#include "api/site.h"

namespace layergate::api {

// What stands at the places of {} in a route, in their order.
using Parameters = std::vector<std::string>;

// Who may make a call at all. What it shows of the objects that it touches is the handler's.
enum class Who : std::uint8_t {
  admin,
  account,  // admins, and the account that the first parameter names
  anyone,   // every account: the handler shows each what it may see
};

struct Route {
  std::string_view method;
  std::string_view path;  // below /api/v1, as "/accounts/{name}"
  Who who;
  Reply (*handler)(const Site&, const Call&, const Parameters&);
};

// The calls of each resource, in the file of that name.
std::span<const Route> account_routes();
std::span<const Route> answer_routes();
std::span<const Route> image_routes();
std::span<const Route> me_routes();
std::span<const Route> record_routes();

}  // namespace layergate::api
