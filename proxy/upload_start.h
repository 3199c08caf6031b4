// An upload that begins, or a blob that is mounted instead, in the registry's files; where there is
// any doubt, by the registry.
//
// That it may, and that the source of a mount may be read, was decided before.
#pragma once

#include "proxy/client_connection.h"
#include "storage/uploads.h"

namespace layergate::proxy {

class UploadStart final : public Handler {
 public:
  // REQUIRES: the request has no body.
  UploadStart(ClientConnection& client, storage::Uploads& uploads)
      : client_(client), uploads_(uploads), since_(Worker::Clock::now()) {}

  void start() override;
  void on_client_readable() override {}
  void on_client_writable() override {}
  void tick(Worker::Clock::time_point now) override;
  [[nodiscard]] bool request_was_read() const override { return true; }

 private:
  enum class State : std::uint8_t {
    working,    // a thread looks at the disk
    recording,  // that a blob was mounted; the client hears of it when it is on disk
    over,       // ended; only waits to be destroyed
  };

  void mount();
  void on_mounted(storage::Uploads::Mount result);
  void begin();
  void on_begun(const storage::Uploads::Claimed& upload);
  void fall_back();

  ClientConnection& client_;
  storage::Uploads& uploads_;
  State state_ = State::working;
  const Worker::Clock::time_point since_;
};

}  // namespace layergate::proxy
