// One client: its requests, one after the other, and what becomes of each.
//
// The way of a request, in the order of the members below: read_head, identify, decide, and then
// an Exchange with the registry, a Listing, or an answer of the proxy's own; settle ends it.
// docs/request-life.md tells it at length.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "auth/authenticator.h"
#include "base/address.h"
#include "proxy/buffer.h"
#include "proxy/gate.h"
#include "proxy/head_scanner.h"
#include "proxy/request.h"
#include "proxy/response.h"
#include "proxy/socket.h"
#include "proxy/worker.h"

namespace layergate::proxy {

// What answers a request over more than one turn of the loop.
class Handler : public Retired {
 public:
  virtual void start() = 0;
  virtual void on_client_readable() = 0;
  virtual void on_client_writable() = 0;
  virtual void tick(Worker::Clock::time_point now) = 0;
  // Whether all of the request's body was read; if not, the connection ends with the answer.
  [[nodiscard]] virtual bool request_was_read() const = 0;
};

class ClientConnection final : public Socket::Handler, public Retired {
 public:
  ClientConnection(Worker& worker, std::uint64_t id, Fd fd, const IpAddress& peer,
                   const config::Listen& listen, bool is_stranger);
  ~ClientConnection() override;

  void on_readable(Socket& socket) override;
  void on_writable(Socket& socket) override;
  void tick(Worker::Clock::time_point now);
  void begin_drain();

  // For handlers.
  [[nodiscard]] std::uint64_t id() const { return id_; }
  // Counts requests: an answer that comes later compares it.
  [[nodiscard]] std::uint64_t serial() const { return serial_; }
  [[nodiscard]] Worker& worker() { return worker_; }
  [[nodiscard]] Socket& socket() { return socket_; }
  [[nodiscard]] Buffer& in() { return in_; }
  [[nodiscard]] Buffer& out() { return out_; }
  [[nodiscard]] Request& request() { return *request_; }
  [[nodiscard]] proxy::Handler* handler() { return handler_.get(); }
  [[nodiscard]] bool may_keep_alive() const;
  // For answers that other threads give later: hands them to `task` on this worker, unless this
  // state of the request has ended by then.
  template <typename Answer>
  std::function<void(Answer)> hand_on(std::function<void(const Answer&)> task) {
    return [&worker = worker_, id = id_, serial = serial_, state = state_, at = handler_.get(),
            task = std::move(task)](Answer answer) {
      worker.post([&worker, id, serial, state, at, task, answer = std::move(answer)] {
        auto* client = worker.find(id);
        if (client != nullptr && client->serial_ == serial && client->state_ == state &&
            client->handler_.get() == at) {
          task(answer);
        }
      });
    };
  }

  // For handlers that have changed something for the client, before he hears of it: `then` is run
  // when that is on record, where it cannot be put on record the request is refused.
  void record_change(int status, std::function<void()> then);

  // The same for a blob that came to the repository, by an upload or a mount: it is the account's
  // to name in manifests from now on.
  void record_arrival(int status, std::function<void()> then);

  // For a handler that cannot answer after all and has said nothing: the registry is asked instead.
  void ask_registry();
  // Ends the request with an answer of the proxy's own.
  void answer(const Response& response);
  // With the errors that the registry gave as JSON.
  void answer_with_errors(int status, const std::string& body);
  // The registry, or the disk, failed.
  void fail_upstream(const std::string& what);
  // The same for a refusal; `reason` is for the record.
  void refuse(const Refusal& refusal, const std::string& reason);
  // Ends the request whose answer was written whole. `keep`: more may come on this connection.
  void finish(bool keep);
  // Ends the connection in the middle of an answer, so that nobody takes it for a whole one.
  void abort(const std::string& reason);

 private:
  enum class State : std::uint8_t {
    reading_head,
    authenticating,  // the pool hashes
    learning,        // the index asks the registry for what the decision needs
    handling,        // handler_ has it
    answering,       // out_ holds the rest of an answer
    lingering,       // all is said; reading away what the client still sends
    closed,
  };

  void start_tls();
  void read_head();
  bool take_proxy_header();  // false: wait, or closed
  void take_head();
  void malformed(int status, const std::string& what);
  void identify();
  void on_verdict(auth::Verdict verdict);
  void decide();
  void learn(int step);
  void rule();
  void carry_out(const Ruling& ruling);
  // Out of memory, or through it.
  void read_manifest(const Ruling& ruling);
  void hand_over(std::unique_ptr<proxy::Handler> handler);

  void flush_answer();
  void settle(bool keep);
  void write_record();
  void stop_clock();
  void linger();
  void end_unread();
  void leave_strangers();
  void close();

  Worker& worker_;
  const std::uint64_t id_;
  const config::Listen& listen_;
  IpAddress peer_;                       // from the PROXY header, if a trusted front end sent one
  std::optional<IpAddress> entered_as_;  // while StrangerLimit counts it
  Socket socket_;
  Buffer in_;
  Buffer out_;
  HeadScanner scanner_;
  std::unique_ptr<Request> request_;
  std::unique_ptr<proxy::Handler> handler_;
  std::uint64_t serial_ = 0;
  Worker::Clock::time_point since_;  // of the present state
  State state_ = State::reading_head;
  bool first_bytes_ = true;
  bool keep_after_answer_ = false;
};

}  // namespace layergate::proxy
