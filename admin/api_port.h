// /api/v1: the management API over HTTP, from a request's checks to its answer.
//
// A request is checked and its sender identified on the admin loop; passwords are hashed on the
// authenticator's pool, and the call is carried out on one of our own. What comes back is answered
// on the loop. evhttp keeps a request until it was answered, whether or not its client is still
// there.
//
// Thread safety: belongs to the loop's thread, which is the one that runs the tasks of `loop`.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "admin/answer.h"
#include "admin/request.h"
#include "admin/session_store.h"
#include "api/service.h"
#include "auth/credential.h"
#include "auth/verdict.h"
#include "base/task_pool.h"
#include "base/task_queue.h"
#include "proxy/server.h"

namespace layergate::admin {

class ApiPort {
 public:
  // The server must outlive this. `loop` may outlive both: then its tasks are not run any more.
  ApiPort(proxy::Server& server, api::Site site, std::shared_ptr<TaskQueue> loop);

  static bool is_call(const std::string& path);

  // Answers `from`, of which `request` is the copy. REQUIRES: is_call() of its path.
  void take(evhttp_request* from, Request request);
  // Ends the sessions that are over; about once a second.
  void tick();

 private:
  struct Exchange;
  using ExchangePtr = std::shared_ptr<Exchange>;

  // Each of these three answers the problem, or nothing if the request may go on.
  std::optional<api::Reply> read(Exchange& exchange) const;
  static std::optional<api::Reply> read_body(Exchange& exchange);
  std::optional<api::Reply> admit(Exchange& exchange) const;

  void identify(const ExchangePtr& exchange);
  void identify_session(const ExchangePtr& exchange);
  void check(const ExchangePtr& exchange, auth::Credential credential);
  void on_verdict(const ExchangePtr& exchange, auth::Verdict verdict);
  void log_in(const ExchangePtr& exchange);
  void open_session(const ExchangePtr& exchange);
  void carry_out(const ExchangePtr& exchange);
  [[nodiscard]] api::Reply call(Exchange& exchange);

  void refuse_login(const ExchangePtr& exchange, const std::string& reason,
                    const api::Reply& reply);
  void answer(const ExchangePtr& exchange, const api::Reply& reply);
  [[nodiscard]] bool goes_on(const SessionStore::Session& session) const;
  [[nodiscard]] api::Json shown(const SessionStore::Session& session) const;

  proxy::Server& server_;
  const proxy::Context& context_;
  const api::Service service_;
  const std::shared_ptr<TaskQueue> loop_;
  SessionStore sessions_;
  std::uint64_t traces_ = 0;
  const std::uint64_t trace_seed_;
  TaskPool pool_;  // the last: its threads use all of the above
};

}  // namespace layergate::admin
