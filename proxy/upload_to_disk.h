// A request about an upload that is in the registry's files: its next bytes, its end, its state.
//
// The loop receives, and threads write, hash and commit; at most one of them is at work on an
// upload, and the client is not read from while they are behind.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include <tl/expected.hpp>

#include "proxy/client_connection.h"
#include "proxy/pace.h"
#include "proxy/upload_receiver.h"
#include "storage/uploads.h"

namespace layergate::proxy {

class UploadToDisk final : public Handler {
 public:
  // REQUIRES: the upload is this account's, in this repository.
  UploadToDisk(ClientConnection& client, storage::Uploads& uploads);
  ~UploadToDisk() override;

  void start() override;
  void on_client_readable() override;
  void on_client_writable() override;
  void tick(Worker::Clock::time_point now) override;
  [[nodiscard]] bool request_was_read() const override;

 private:
  enum class State : std::uint8_t {
    claiming,   // a thread opens the file
    receiving,  // the body, as it comes
    finishing,  // a thread makes a blob of it, or removes it: as long as that takes
    recording,  // that a blob has come; the client hears of it when that is on disk
    over,       // ended; only waits to be destroyed
  };
  using Finished = tl::expected<std::string, storage::Fault>;

  void on_claimed(const storage::Uploads::Claimed& upload);
  // What does not fit to what is there of the upload, or nothing.
  [[nodiscard]] std::optional<Response> refuse_order() const;
  void begin_receiving();
  bool send_interim();
  void receive();
  bool write();  // false: too much waits for the disk
  void on_written(storage::Fault fault);
  void on_received();
  void finish();
  void on_finished(const Finished& digest);
  void cancel();
  void go_on(int status);
  void watch();

  void answer(const Response& response);
  void refuse(const Refusal& refusal, std::string_view reason);
  void fail(storage::Fault fault);
  void client_gone();

  ClientConnection& client_;
  storage::Uploads& uploads_;
  State state_ = State::claiming;
  std::shared_ptr<storage::Upload> upload_;  // shared with the thread that is at work on it
  std::optional<UploadReceiver> receiver_;
  bool is_writing_ = false;
  Pace pace_;
};

}  // namespace layergate::proxy
