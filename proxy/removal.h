// DELETE of a tag, a manifest or a blob, by way of the keeper of the index.
#pragma once

#include "index/keeper.h"
#include "proxy/client_connection.h"

namespace layergate::proxy {

class Removal final : public Handler {
 public:
  explicit Removal(ClientConnection& client) : client_(client) {}

  void start() override;
  void on_client_readable() override {}
  void on_client_writable() override {}
  void tick(Worker::Clock::time_point /*now*/) override {}
  [[nodiscard]] bool request_was_read() const override {
    return !client_.request().head.body.has_body();
  }

 private:
  void on_outcome(const index::Outcome& outcome);

  ClientConnection& client_;
};

}  // namespace layergate::proxy
