// The port for operators: the management API, health, metrics and, until there is a real page, a
// plain one.
#pragma once

#include <memory>

#include "api/site.h"
#include "proxy/server.h"

namespace layergate::admin {

class AdminServer {
 public:
  // Binds config.admin.address; throws std::runtime_error. `site` is what the API works on. The
  // server, and what the site refers to, must outlive this.
  AdminServer(proxy::Server& server, api::Site site);
  ~AdminServer();
  AdminServer(const AdminServer&) = delete;
  AdminServer& operator=(const AdminServer&) = delete;

  void start();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace layergate::admin
