#include "api/problem.h"

#include <utility>

#include "base/reason_phrase.h"

namespace layergate::api {

Reply problem(int status, std::string_view code, std::string detail) {
  Reply reply;
  reply.status = status;
  reply.body = {{"type", "about:blank"},
                {"title", reason_phrase(status)},
                {"status", status},
                {"code", code},
                {"detail", std::move(detail)}};
  return reply;
}

Reply problem(const manage::Failure& failure) {
  using Kind = manage::Failure::Kind;
  switch (failure.kind) {
    case Kind::denied:
      return problem(403, "denied", failure.what);
    case Kind::not_found:
      return problem(404, "not_found", failure.what);
    case Kind::usage:
      return problem(400, "usage", failure.what);
    case Kind::conflict:
      return problem(409, "conflict", failure.what);
    case Kind::invalid:
      return problem(422, "invalid", failure.what);
    case Kind::changed:
      return problem(412, "changed", failure.what);
    case Kind::io:
      return problem(500, "io", failure.what);
  }
  return problem(500, "io", failure.what);
}

}  // namespace layergate::api
