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
        return denied("this call is for administrators" +
                      std::string(route.who == Who::account ? ", or about your own account" : ""));
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
