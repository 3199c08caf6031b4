// The port for operators: health, metrics and, until there is a real page, a plain one.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "config/config.h"
#include "proxy/server.h"

namespace layergate::admin {

class AdminServer {
 public:
  // Binds config.admin; throws std::runtime_error. The server must outlive this.
  explicit AdminServer(const proxy::Server& server);
  ~AdminServer();
  AdminServer(const AdminServer&) = delete;
  AdminServer& operator=(const AdminServer&) = delete;

  void start();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace layergate::admin
