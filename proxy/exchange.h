// One request carried to the registry and its answer back.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "proxy/client_connection.h"
#include "proxy/pace.h"
#include "proxy/redirect.h"
#include "proxy/relay.h"
#include "proxy/response_reader.h"
#include "proxy/upstream_pool.h"

namespace layergate::proxy {

class Exchange final : public Handler, public Socket::Handler {
 public:
  explicit Exchange(ClientConnection& client);
  ~Exchange() override;

  void start() override;
  void on_client_readable() override;
  void on_client_writable() override;
  void tick(Worker::Clock::time_point now) override;
  [[nodiscard]] bool request_was_read() const override;

  void on_readable(Socket& upstream) override;
  void on_writable(Socket& upstream) override;

 private:
  enum class State : std::uint8_t {
    sending,     // the head and body of the request, as they come
    waiting,     // for the head of the answer
    resolving,   // where a redirect leads
    recording,   // that an upload has ended; the client hears of it when it is on disk
    responding,  // the body of the answer
    over,        // ended; only waits to be destroyed
  };

  bool connect(bool may_reuse);
  void send_to_upstream();
  void read_answer();
  void upstream_broke(const std::string& what);
  [[nodiscard]] bool nothing_was_sent() const;
  // False if there is none left, or something was sent already.
  bool try_another_address();
  void begin_response();
  [[nodiscard]] bool has_ended_upload(int status) const;
  void respond(const ResponseHead& head);
  void follow_redirect();
  void on_resolved(const Resolver::Addresses& addresses);
  bool connect_to_storage();
  void send_to_client();
  void finish();
  void fail(int status, const std::string& what);
  void client_gone();
  void watch_sockets();

  ClientConnection& client_;
  State state_ = State::sending;
  std::string upstream_head_;
  std::unique_ptr<UpstreamConnection> upstream_;
  std::optional<Relay> up_;
  std::optional<Relay> down_;
  ResponseReader answer_;
  std::optional<RedirectTarget> redirect_;  // where the present leg of a followed redirect goes
  Resolver::Addresses storage_;  // its addresses, of which the first addresses_tried_ had a turn
  int redirects_ = 0;
  bool retried_ = false;
  std::size_t addresses_tried_ = 1;
  bool keep_client_ = false;
  Pace pace_;  // of the body that moves now
};

}  // namespace layergate::proxy
