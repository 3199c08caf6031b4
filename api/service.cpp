#include "api/service.h"

#include <array>
#include <optional>
#include <utility>

#include "api/problem.h"

namespace layergate::api {
namespace {

// The parameters if the path is one of the pattern's: "/accounts/{name}".
std::optional<Parameters> match(std::string_view pattern, const std::vector<std::string>& path) {
  Parameters parameters;
  std::size_t at = 0;
  for (const auto& segment : path) {
    if (at >= pattern.size()) return std::nullopt;
    const auto end = std::min(pattern.find('/', at + 1), pattern.size());
    const auto expected = pattern.substr(at + 1, end - at - 1);
    if (expected.starts_with('{')) {
      parameters.push_back(segment);
    } else if (expected != segment) {
      return std::nullopt;
    }
    at = end;
  }
  if (at < pattern.size()) return std::nullopt;
  return parameters;
}

bool may(Who who, const Caller& caller, const Parameters& parameters) {
  switch (who) {
    case Who::admin:
      return caller.admin;
    case Who::account:
      return caller.admin || (!parameters.empty() && caller.is(parameters.front()));
    case Who::anyone:
      return true;
  }
  return false;
}

}  // namespace

Reply Service::refuse(const Call& call, const Route& route) const {
  std::string why = "this call is for administrators";
  if (route.who == Who::account) why += ", or about your own account";
  if (call.method != "GET" && site_.record) {
    std::string target = call.method + ' ';
    for (const auto& segment : call.path) target += '/' + segment;
    // Nothing is changed: that it cannot be recorded alters nothing.
    static_cast<void>(
        site_.record({call.caller.account, call.caller.address, "call", target, "", false, why}));
  }
  return denied(std::move(why));
}

Reply Service::handle(const Call& call) const {
  std::string allow;
  for (const auto& routes :
       {account_routes(), answer_routes(), image_routes(), me_routes(), record_routes()}) {
    for (const auto& route : routes) {
      const auto parameters = match(route.path, call.path);
      if (!parameters) continue;
      if (route.method != call.method) {
        allow += (allow.empty() ? "" : ", ") + std::string(route.method);
        continue;
      }
      if (!may(route.who, call.caller, *parameters)) {
        return refuse(call, route);
      }
      return route.handler(site_, call, *parameters);
    }
  }
  if (!allow.empty()) {
    auto reply = problem(405, "usage", call.method + " cannot be done there, only " + allow);
    reply.allow = std::move(allow);
    return reply;
  }
  return not_found("there is no such call: see docs/openapi.yaml");
}

}  // namespace layergate::api
