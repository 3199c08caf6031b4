// Who the caller is, to the gate.
#include <array>

#include "api/query_parameters.h"
#include "api/route.h"

namespace layergate::api {
namespace {

Reply show(const Site& /*site*/, const Call& call, const Parameters& /*none*/) {
  if (auto refused = only_parameters(call, {})) return *std::move(refused);
  const auto& caller = call.caller;
  Reply reply;
  // The operator of the machine has no account.
  reply.body["account"] = caller.account.empty() ? Json(nullptr) : Json(caller.account);
  reply.body["admin"] = caller.admin;
  return reply;
}

}  // namespace

std::span<const Route> me_routes() {
  static constexpr std::array kRoutes{Route{"GET", "/me", Who::anyone, show}};
  return kRoutes;
}

}  // namespace layergate::api
