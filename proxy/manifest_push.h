// PUT of a manifest: read whole, judged by what it names, and handed to the keeper of the index.
#pragma once

#include "index/keeper.h"
#include "proxy/body_reader.h"
#include "proxy/client_connection.h"
#include "proxy/gate.h"

namespace layergate::proxy {

class ManifestPush final : public Handler {
 public:
  ManifestPush(ClientConnection& client, const Ruling& ruling);
  ~ManifestPush() override;

  void start() override;
  void on_client_readable() override { read(); }
  void on_client_writable() override { read(); }
  void tick(Worker::Clock::time_point now) override;
  [[nodiscard]] bool request_was_read() const override { return was_read_; }

 private:
  void read();
  bool reserve();
  void judge();
  void on_outcome(const index::Outcome& outcome);
  void refuse(int status, ErrorCode code, const std::string& message, const std::string& reason);

  ClientConnection& client_;
  const std::string account_;
  const index::Push::Condition condition_;
  std::size_t reserved_ = 0;  // bytes of the BodyBudget
  BodyReader reader_;
  oci::Manifest manifest_;
  std::string digest_;
  bool was_read_ = false;
  const Worker::Clock::time_point start_;
  Worker::Clock::time_point moved_at_;
};

}  // namespace layergate::proxy
