// A blob that is read, from the registry's own file; where there is any doubt, from the registry.
//
// That it may be read was decided before, as for every other request. Until the head of the answer
// has begun to go out nothing is said, and the registry can still be asked instead; afterwards a
// file that is not as it was ends the connection.
#pragma once

#include <memory>
#include <optional>

#include <tl/expected.hpp>

#include "proxy/client_connection.h"
#include "proxy/file_relay.h"
#include "proxy/pace.h"
#include "storage/storage.h"

namespace layergate::proxy {

class BlobFromDisk final : public Handler {
 public:
  BlobFromDisk(ClientConnection& client, storage::Storage& storage);
  ~BlobFromDisk() override;

  void start() override;
  void on_client_readable() override {}
  void on_client_writable() override;
  void tick(Worker::Clock::time_point now) override;
  [[nodiscard]] bool request_was_read() const override { return true; }  // it has no body

 private:
  enum class State : std::uint8_t {
    finding,  // a thread of the pool looks for the file
    sending,
    reading,  // a thread of the pool brings the next bytes into memory
    over,     // ended; only waits to be destroyed
  };
  using Found = tl::expected<storage::BlobFile, storage::Miss>;

  [[nodiscard]] bool is_unusual() const;
  [[nodiscard]] Found find(storage::Wait wait) const;
  void find_elsewhere();
  void on_found(Found found);
  void respond();
  void send();
  void bring_in();
  void on_brought_in(std::int64_t bytes);
  // The registry is asked instead. REQUIRES: nothing was sent.
  void fall_back(storage::Miss miss);
  // The answer cannot go on.
  void cut(const char* why);

  ClientConnection& client_;
  storage::Storage& storage_;
  State state_ = State::finding;
  std::shared_ptr<const storage::BlobFile> file_;  // shared with the pool while it reads
  std::optional<FileRelay> relay_;
  bool keep_client_ = false;
  Pace pace_;
};

}  // namespace layergate::proxy
