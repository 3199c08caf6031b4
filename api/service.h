// Answers the calls of the management API.
//
// Thread safety: handle() may be called from any thread. It blocks on disks and locks, and hashes
// passwords: never on an event loop that serves others.
#pragma once

#include <utility>

#include "api/call.h"
#include "api/route.h"
#include "api/site.h"

namespace layergate::api {

class Service {
 public:
  // What the site refers to must outlive this.
  explicit Service(Site site) : site_(std::move(site)) {}

  // 404 for what is no route, 405 where only the method is none, 403 where the caller may not. An
  // object that the caller may not know of is answered as one that does not exist.
  [[nodiscard]] Reply handle(const Call& call) const;

 private:
  // To who may not make the call; an attempt to change something is recorded.
  [[nodiscard]] Reply refuse(const Call& call, const Route& route) const;

  Site site_;
};

}  // namespace layergate::api
