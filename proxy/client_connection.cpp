// Longer than most files here, because it is the one place where a request's steps meet.
#include "proxy/client_connection.h"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>
#include <spdlog/spdlog.h>

#include "index/rights.h"
#include "proxy/blob_from_disk.h"
#include "proxy/exchange.h"
#include "proxy/forwarded.h"
#include "proxy/listing.h"
#include "proxy/manifest_answer.h"
#include "proxy/manifest_cache.h"
#include "proxy/manifest_push.h"
#include "proxy/proxy_protocol.h"
#include "proxy/referrers.h"
#include "proxy/removal.h"
#include "proxy/upload_start.h"
#include "proxy/upload_to_disk.h"
#include "proxy/upstream_request.h"

namespace layergate::proxy {
namespace {

constexpr std::chrono::seconds kLearning{150};  // longer than the index waits for the registry
constexpr std::chrono::seconds kLinger{5};

constexpr std::size_t kMaxErrors = 64U << 10U;  // bytes of the registry's errors that are handed on

// Whether an Accept field, or its absence, takes the type (RFC 9110, section 12.5.1).
bool accepts(const std::vector<std::string_view>& accept, oci::MediaType type) {
  const auto wanted = oci::to_string(type);
  return accept.empty() || std::any_of(accept.begin(), accept.end(), [&](std::string_view range) {
           const auto name = trim(range.substr(0, range.find(';')));
           const bool is_refused =
               range.find(";q=0") != std::string_view::npos &&
               range.find_first_of("123456789", range.find(";q=0") + 4) == std::string_view::npos;
           return !is_refused &&
                  (name == "*/*" || name == "application/*" || iequals(name, wanted));
         });
}

}  // namespace

ClientConnection::ClientConnection(Worker& worker, std::uint64_t id, Fd fd, const IpAddress& peer,
                                   const config::Listen& listen, bool is_stranger)
    : worker_(worker),
      id_(id),
      listen_(listen),
      peer_(peer),
      entered_as_(is_stranger ? std::optional(peer) : std::nullopt),
      socket_(worker.base(), std::move(fd), this),
      since_(Worker::Clock::now()) {
  socket_.want(true, false);
  // A front end speaks before its client does.
  if (!listen.tls.empty() && !contains(listen.trusted_proxies, peer)) start_tls();
}

ClientConnection::~ClientConnection() { leave_strangers(); }

void ClientConnection::leave_strangers() {
  if (entered_as_) worker_.context().strangers.leave(*entered_as_);
  entered_as_.reset();
}

void ClientConnection::on_readable(Socket& /*socket*/) {
  switch (state_) {
    case State::reading_head:
      read_head();
      break;
    case State::handling:
      handler_->on_client_readable();
      break;
    case State::lingering: {
      const auto scratch = worker_.scratch();
      const auto result = socket_.receive(scratch.data(), scratch.size());
      if (result.io == Socket::Io::closed || result.io == Socket::Io::failed) close();
      break;
    }
    case State::authenticating:
    case State::learning:
    case State::answering:
    case State::closed:
      break;
  }
}

void ClientConnection::on_writable(Socket& /*socket*/) {
  if (state_ == State::handling) {
    handler_->on_client_writable();
  } else if (state_ == State::answering) {
    flush_answer();
  }
}

// --- the steps of a request ---

void ClientConnection::start_tls() {
  auto& context = worker_.context();
  const auto entry = static_cast<std::size_t>(&listen_ - context.config.listen.data());
  const auto certificates = context.tls.listen(entry);
  socket_.start_tls(std::make_unique<TlsSession>(certificates->accept(), certificates, socket_.fd(),
                                                 worker_.tls_blocks(), &context.metrics.handshakes,
                                                 std::string(in_.view())));
  in_.release();
}

void ClientConnection::read_head() {
  const bool is_first = in_.empty();
  const auto result = socket_.receive(in_, kMaxHeadBytes);
  switch (result.io) {
    case Socket::Io::ok:
      break;
    case Socket::Io::again:
      return;
    case Socket::Io::closed:
    case Socket::Io::failed:
      end_unread();
      return;
  }
  // Of bytes that were read: a part of a TLS record is no beginning.
  if (is_first) since_ = Worker::Clock::now();
  take_head();
}

// There is no next request.
void ClientConnection::end_unread() {
  const auto* tls = socket_.tls();
  if (tls == nullptr || !tls->has_failed_handshake()) return close();
  worker_.context().tls_failures.tell(peer_, tls->problem());
  if (!tls->was_spoken_to_in_plain()) return close();
  socket_.drop_tls();
  malformed(400, "this port speaks HTTPS only: ask by https://");
}

bool ClientConnection::take_proxy_header() {
  if (!first_bytes_) return true;
  if (!contains(listen_.trusted_proxies, peer_)) {
    first_bytes_ = false;
    return true;
  }
  const auto header = parse_proxy_header(in_.view());
  switch (header.result) {
    case ProxyHeader::Result::partial:
      return false;
    case ProxyHeader::Result::bad:
      close();
      return false;
    case ProxyHeader::Result::none:
      break;
    case ProxyHeader::Result::complete:
      in_.consume(header.size);
      if (header.address) peer_ = *header.address;
      break;
  }
  first_bytes_ = false;
  return !in_.empty();
}

void ClientConnection::take_head() {
  if (!take_proxy_header()) return;
  if (!listen_.tls.empty() && socket_.is_plain()) return start_tls();
  switch (scanner_.scan(in_.view())) {
    case HeadScanner::Result::partial:
      return;
    case HeadScanner::Result::complete:
      break;
    case HeadScanner::Result::bad:
      malformed(400, listen_.tls.empty() ? "a malformed request; this port speaks plain HTTP/1.1"
                                         : "a malformed request; inside of TLS this port speaks "
                                           "HTTP/1.1");
      return;
    case HeadScanner::Result::long_line:
      malformed(414, "the request line is too long");
      return;
    case HeadScanner::Result::too_large:
      malformed(431, "the head is larger than 16 KiB");
      return;
  }
  request_ = std::make_unique<Request>();
  request_->start = Worker::Clock::now();
  request_->text = in_.view().substr(0, scanner_.size());
  in_.consume(scanner_.size());
  scanner_.reset();

  auto head = parse_request_head(request_->text);
  if (!head) {
    malformed(head.error().status, head.error().what);
    return;
  }
  request_->head = *std::move(head);
  auto& record = request_->record;
  record.time = wall_now();
  record.trace = worker_.next_trace();
  record.method = to_string(request_->head.method);
  record.user_agent = request_->head.user_agent;
  record.address = peer_;
  const auto address =
      forwarded_address(peer_, request_->head.forwarded_for, listen_.trusted_proxies);
  if (!address) {
    malformed(400, "a malformed X-Forwarded-For");
    return;
  }
  record.address = *address;
  socket_.want(false, false);
  identify();
}

void ClientConnection::malformed(int status, const std::string& what) {
  if (!request_) {
    request_ = std::make_unique<Request>();
    request_->start = Worker::Clock::now();
  }
  auto& record = request_->record;
  if (record.trace.empty()) {
    record.time = wall_now();
    record.trace = worker_.next_trace();
    record.address = peer_;
  }
  // Where the next request begins is not known: nothing after this is read as one.
  request_->head.keep_alive = false;
  request_->head.method = Method::get;
  refuse({status, ErrorCode::unsupported, what, "", 0}, "malformed");
}

void ClientConnection::identify() {
  auto& request = *request_;
  auto route = parse_route(request.head.method, request.head.path, request.head.query);
  if (!route) {
    if (route.error().status == 400) request.head.keep_alive = false;
    if (route.error().status == 400 || !request.head.path.starts_with("/v2/")) {
      refuse(route.error(), "route");
      return;
    }
    request.route_refusal = std::move(route.error());
  } else {
    request.route = *std::move(route);
    request.record.repository = request.route.repository;
    request.record.reference = request.route.tag.empty() ? request.route.digest : request.route.tag;
  }
  auto credential = auth::parse_basic(request.head.authorization);
  if (!credential) {
    refuse(unauthorized(),
           request.head.has_authorization ? "malformed credential" : "no credential");
    return;
  }
  request.account = credential->user;
  request.record.user = credential->user;
  state_ = State::authenticating;
  since_ = Worker::Clock::now();
  auto later =
      hand_on<auth::Verdict>([this](const auth::Verdict& verdict) { on_verdict(verdict); });
  auto& authenticator = worker_.context().authenticator;
  const auto& address = request.record.address;
  const auto admitted = worker_.context().policies.current()->admit(request.principal());
  const auto refused = refuse_account(admitted);
  if (refused && refused->status == 401) request.unusable = to_string(admitted.reason);
  const auto verdict = request.unusable.empty()
                           ? authenticator.check(*std::move(credential), address, later)
                           : authenticator.check_in_vain(*std::move(credential), address, later);
  if (verdict) on_verdict(*verdict);
}

void ClientConnection::on_verdict(auth::Verdict verdict) {
  switch (verdict) {
    case auth::Verdict::accepted:
      request_->record.verified = true;
      leave_strangers();
      decide();
      break;
    case auth::Verdict::rejected:
      refuse(unauthorized(),
             request_->unusable.empty() ? "wrong password or unknown user" : request_->unusable);
      break;
    case auth::Verdict::throttled:
      refuse({429, ErrorCode::too_many_requests, "too many failed logins; wait a little", "", 10},
             "throttled");
      break;
    case auth::Verdict::overloaded:
      refuse({503, ErrorCode::unavailable, "too many logins at once; try again", "", 2},
             "overloaded");
      break;
  }
}

void ClientConnection::decide() {
  auto& request = *request_;
  request.policy = worker_.context().policies.current();
  const auto who = request.principal();
  if (request.route_refusal) {
    const auto admitted = request.policy->admit(who);
    const auto refused = refuse_account(admitted);
    refuse(refused ? *refused : *request.route_refusal, refused ? admitted.to_string() : "route");
    return;
  }
  learn(0);
}

// What the decision needs and the index may not have yet, one thing after the other. Only for who
// holds some right there: for all others the answer is the same, whatever there is.
void ClientConnection::learn(int step) {
  const auto& request = *request_;
  const auto& route = request.route;
  const auto& context = worker_.context();
  const bool exclusive = context.config.upstream.exclusive;
  const auto has_right = [&](const std::string& repository) {
    const auto who = request.principal();
    const index::Index nothing({});
    const index::Rights rights(nothing, *request.policy, who);
    return rights.on_some_tag(acl::Action::pull, repository).allowed ||
           rights.on_some_tag(acl::Action::push, repository).allowed ||
           rights.on_some_tag(acl::Action::view, repository).allowed ||
           rights.on_some_tag(acl::Action::erase, repository).allowed;
  };
  const auto is_known = [&](const std::string& repository) {
    return context.index.read([&](const index::Index& facts) {
      const bool is_there = facts.find_repository(repository) != nullptr;
      return facts.is_known(repository) && (exclusive || is_there);
    });
  };
  const auto next = [&] {
    state_ = State::learning;
    since_ = Worker::Clock::now();
    return hand_on<std::string>([this, step](const std::string& problem) {
      if (problem.empty()) {
        learn(step + 1);
      } else {
        fail_upstream(problem);
      }
    });
  };
  const bool is_manifest = route.endpoint == Endpoint::manifest;
  switch (step) {
    case 0:
      if (!route.repository.empty() &&
          (!is_known(route.repository) || (!exclusive && route.endpoint == Endpoint::tags)) &&
          has_right(route.repository)) {
        return context.keeper.learn(route.repository, next());
      }
      [[fallthrough]];
    case 1:
      step = 1;
      if (!route.from.empty() && !is_known(route.from) && has_right(route.from)) {
        return context.keeper.learn(route.from, next());
      }
      [[fallthrough]];
    case 2:
      step = 2;
      if (route.endpoint == Endpoint::catalog &&
          (!exclusive || !context.keeper.status().complete)) {
        return context.keeper.learn_catalog(next());
      }
      [[fallthrough]];
    case 3:
      step = 3;
      if (!exclusive && is_manifest && !route.tag.empty() && has_right(route.repository)) {
        return context.keeper.revalidate(route.repository, route.tag, next());
      }
      break;
    default:
      break;
  }
  rule();
}

void ClientConnection::rule() {
  auto& request = *request_;
  const auto who = request.principal();
  const auto& context = worker_.context();
  const auto ruling = context.index.read([&](const index::Index& facts) {
    return rule_on(request.route, who, *request.policy, facts);
  });
  auto& record = request.record;
  record.action = to_string(ruling.action);
  record.reason = to_string(ruling.decision.reason);
  if (ruling.decision.rule != nullptr) record.rule = ruling.decision.rule->to_string();
  record.tag = ruling.tag;
  if (ruling.refusal) {
    // What is allowed and refused all the same is not there, or immutable.
    record.allowed = ruling.decision.allowed && ruling.refusal->status == 404;
    const auto reason = ruling.decision.allowed
                            ? std::string(record.allowed ? "not there" : "immutable")
                            : record.reason;
    refuse(*ruling.refusal, reason);
    return;
  }
  record.allowed = true;  // by the policy; what the registry makes of it, the status says
  const bool is_change = ruling.action == acl::Action::push || ruling.action == acl::Action::erase;
  if (is_change && context.recorder.refuses_changes()) {
    refuse({503, ErrorCode::unavailable,
            "nothing can be pushed or deleted now: the access records cannot be written; ask the "
            "operator",
            "", 30},
           "not recorded");
    return;
  }
  // An unreadable source makes it an ordinary upload, as if the blob were not there.
  if (!ruling.mount_readable) {
    request.route.mount.clear();
    request.route.from.clear();
  }
  request.stored = ruling.stored;
  carry_out(ruling);
}

void ClientConnection::carry_out(const Ruling& ruling) {
  auto& request = *request_;
  const auto& route = request.route;
  const auto& context = worker_.context();
  if (route.endpoint == Endpoint::ping) {
    answer({200, {}, "application/json", "{}"});
    return;
  }
  if (route.endpoint == Endpoint::referrers) {
    const auto who = request.principal();
    answer(context.index.read([&](const index::Index& facts) {
      return list_referrers(route, facts, index::Rights(facts, *request.policy, who));
    }));
    return;
  }
  if (route.endpoint == Endpoint::upload &&
      !context.upload_token.verify(route.upload_token, request.account, route.repository,
                                   route.upload_id)) {
    request.record.allowed = false;
    refuse(
        {404, ErrorCode::blob_upload_unknown, "no such upload of yours in this repository", "", 0},
        "upload of another");
    return;
  }
  if (route.endpoint == Endpoint::upload && route.upload_state.empty() &&
      context.uploads != nullptr) {
    // One of the registry's, from the time before they came here, carries a state of its own.
    hand_over(std::make_unique<UploadToDisk>(*this, *context.uploads));
    return;
  }
  if (route.endpoint == Endpoint::upload && !request.head.content_range.empty()) {
    const auto received = UploadToken::received_of(route.upload_token);
    const auto range = parse_content_range(request.head.content_range);
    if (received && range && range->first != *received) {
      request.record.reason = "chunk out of order";
      answer(out_of_order(*received));
      return;
    }
  }
  const bool is_manifest = route.endpoint == Endpoint::manifest;
  if (is_manifest && ruling.stored && !accepts(request.head.accept, *ruling.stored)) {
    refuse({404, ErrorCode::manifest_unknown,
            "the manifest is of type " + std::string(oci::to_string(*ruling.stored)) +
                ", which the request's Accept does not name",
            "", 0},
           "not accepted");
    return;
  }
  if (route.endpoint == Endpoint::catalog || route.endpoint == Endpoint::tags) {
    hand_over(std::make_unique<Listing>(*this));
  } else if (is_manifest && route.method == Method::put) {
    hand_over(std::make_unique<ManifestPush>(*this, ruling));
  } else if ((is_manifest || route.endpoint == Endpoint::blob) && route.method == Method::erase) {
    hand_over(std::make_unique<Removal>(*this));
  } else if (route.endpoint == Endpoint::start_upload && context.uploads != nullptr &&
             !request.head.body.has_body()) {
    hand_over(std::make_unique<UploadStart>(*this, *context.uploads));
  } else if (route.endpoint == Endpoint::blob && context.storage != nullptr) {
    hand_over(std::make_unique<BlobFromDisk>(*this, *context.storage));
  } else if (is_manifest && ruling.stored && context.manifests.is_on()) {
    read_manifest(ruling);
  } else {
    hand_over(std::make_unique<Exchange>(*this));
  }
}

void ClientConnection::read_manifest(const Ruling& ruling) {
  auto& manifests = worker_.context().manifests;
  const auto answer_with = [this](const std::string& digest, oci::MediaType type,
                                  const std::string& body) {
    request_->record.digest = digest;
    answer(manifest_answer(digest, type, body, request_->head.if_none_match));
  };
  if (const auto body = manifests.find(ruling.digest)) {
    return answer_with(ruling.digest, *ruling.stored, *body);
  }
  state_ = State::learning;
  since_ = Worker::Clock::now();
  manifests.fetch(request_->route.repository, ruling.digest,
                  hand_on<ManifestCache::Fetched>(
                      [this, answer_with, digest = ruling.digest,
                       type = *ruling.stored](const ManifestCache::Fetched& fetched) {
                        if (!fetched.problem.empty()) return fail_upstream(fetched.problem);
                        if (fetched.body) return answer_with(digest, type, *fetched.body);
                        // Whatever the registry says of it.
                        hand_over(std::make_unique<Exchange>(*this));
                      }));
}

void ClientConnection::hand_over(std::unique_ptr<proxy::Handler> handler) {
  handler_ = std::move(handler);
  state_ = State::handling;
  since_ = Worker::Clock::now();
  handler_->start();
}

void ClientConnection::ask_registry() {
  worker_.retire(std::move(handler_));
  hand_over(std::make_unique<Exchange>(*this));
}

// --- the end of a request ---

bool ClientConnection::may_keep_alive() const {
  return request_->head.keep_alive && !worker_.draining();
}

void ClientConnection::refuse(const Refusal& refusal, const std::string& reason) {
  auto& record = request_->record;
  record.code = to_string(refusal.code);
  record.reason = reason;
  if (refusal.status == 401 || refusal.status == 403 ||
      (refusal.status == 404 && !record.action.empty() && !handler_)) {
    ++worker_.context().metrics.denied;
  }
  answer(to_response(refusal, worker_.context().config.realm));
}

void ClientConnection::answer(const Response& response) {
  const bool body_read = handler_ ? handler_->request_was_read() : !request_->head.body.has_body();
  if (handler_) worker_.retire(std::move(handler_));
  keep_after_answer_ = may_keep_alive() && body_read;
  out_.clear();
  out_.append(serialize(response, request_->head.method == Method::head,
                        {keep_after_answer_, request_->record.trace}));
  request_->record.status = response.status;
  if (request_->head.method != Method::head) request_->record.bytes_out = response.body.size();
  state_ = State::answering;
  since_ = Worker::Clock::now();
  flush_answer();
}

void ClientConnection::answer_with_errors(int status, const std::string& body) {
  const auto json = nlohmann::json::parse(body, nullptr, false);
  if (!json.is_object() || !json.contains("errors") || body.size() > kMaxErrors) {
    refuse({status, ErrorCode::unknown, "the registry refused it without saying why", "", 0},
           "refused by the registry");
    return;
  }
  request_->record.reason = "refused by the registry";
  answer({status,
          {},
          "application/json",
          json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)});
}

void ClientConnection::fail_upstream(const std::string& what) {
  ++worker_.context().metrics.upstream_failures;
  spdlog::warn("[{}] {}", request_->record.trace, what);
  // The reason names addresses and files of ours.
  refuse(
      {503, ErrorCode::unavailable,
       "the registry or the index behind this proxy failed; try again, or ask its operator", "", 5},
      "registry failed");
}

void ClientConnection::flush_answer() {
  while (!out_.empty()) {
    const auto result = socket_.send(out_.view());
    if (result.io == Socket::Io::again) {
      socket_.want(false, true);
      return;
    }
    if (result.io != Socket::Io::ok) {
      abort("client gone");
      return;
    }
    out_.consume(result.bytes);
    since_ = Worker::Clock::now();
  }
  settle(keep_after_answer_);
}

void ClientConnection::finish(bool keep) {
  if (handler_) worker_.retire(std::move(handler_));
  settle(keep);
}

void ClientConnection::abort(const std::string& reason) {
  if (state_ == State::closed) return;
  if (request_) {
    auto& record = request_->record;
    record.complete = false;
    if (record.code.empty()) record.reason = reason;  // else it was refused, and that is the reason
    write_record();
  }
  // A reset: the end of the connection is no end of an answer, though HTTP/1.0 would take it so.
  socket_.reset_on_close();
  close();
}

void ClientConnection::stop_clock() {
  const std::chrono::duration<double> taken = Worker::Clock::now() - request_->start;
  request_->record.seconds = taken.count();
}

void ClientConnection::record_change(int status, std::function<void()> then) {
  auto& request = *request_;
  const auto& context = worker_.context();
  request.record.status = status;
  request.is_recorded = true;
  stop_clock();
  context.recorder.record_durably(
      records::row_of(request.record),
      hand_on<bool>([this, then = std::move(then)](bool is_written) {
        if (is_written || !worker_.context().config.records.required) return then();
        refuse({503, ErrorCode::unavailable,
                "the registry has made the change, but it cannot be put on record: the disk of the "
                "access records fails; ask the operator",
                "", 30},
               "not recorded");
      }));
}

void ClientConnection::record_arrival(int status, std::function<void()> then) {
  const auto& route = request_->route;
  const auto& digest = route.mount.empty() ? route.digest : route.mount;
  if (!digest.empty()) {
    worker_.context().keeper.possess(route.repository, digest, request_->account);
  }
  record_change(status, std::move(then));
}

void ClientConnection::write_record() {
  auto& request = *request_;
  auto& metrics = worker_.context().metrics;
  stop_clock();
  metrics.bytes_in += request.record.bytes_in;
  metrics.bytes_out += request.record.bytes_out;
  const auto digit = static_cast<std::size_t>(request.record.status / 100);
  ++metrics.requests[digit < metrics.requests.size() ? digit : 0];
  const bool is_written = worker_.context().access_log.write(request.record);
  if (is_written && !request.is_recorded) {
    worker_.context().recorder.record(records::row_of(std::move(request.record)));
  }
}

void ClientConnection::settle(bool keep) {
  write_record();
  request_.reset();
  ++serial_;
  if (!keep || worker_.draining()) {
    // Closing on unread bytes resets the connection, and the client may lose the answer.
    linger();
    return;
  }
  out_.release();
  state_ = State::reading_head;
  since_ = Worker::Clock::now();
  socket_.want(true, false);
  if (in_.empty()) {
    in_.release();
    return;
  }
  // The next request is here already; it gets its turn after those of others.
  worker_.defer([&worker = worker_, id = id_, serial = serial_] {
    auto* client = worker.find(id);
    if (client != nullptr && client->serial_ == serial && client->state_ == State::reading_head) {
      client->take_head();
    }
  });
}

void ClientConnection::linger() {
  state_ = State::lingering;
  since_ = Worker::Clock::now();
  in_.release();
  out_.release();
  socket_.shutdown_write();
  socket_.want(true, false);
}

void ClientConnection::close() {
  if (state_ == State::closed) return;
  state_ = State::closed;
  socket_.want(false, false);
  if (handler_) worker_.retire(std::move(handler_));
  worker_.remove(id_);
}

void ClientConnection::tick(Worker::Clock::time_point now) {
  const auto& limits = worker_.context().config.limits;
  const auto waited = now - since_;
  switch (state_) {
    case State::reading_head:
      if (in_.empty()) {
        // Who opens a connection has something to say.
        if (waited > (serial_ == 0 ? limits.head : limits.idle)) {
          if (const auto* tls = socket_.tls(); tls != nullptr && tls->is_midway()) {
            worker_.context().tls_failures.tell(peer_, "the handshake did not end in time");
          }
          close();
        }
      } else if (waited > limits.head) {
        malformed(408, "the head of the request did not come in time");
      }
      break;
    case State::handling:
      handler_->tick(now);
      break;
    case State::answering:
      flush_answer();  // readiness is reported only from a low-water mark on
      if (state_ == State::answering && now - since_ > limits.idle) abort("client too slow");
      break;
    case State::lingering:
      if (waited > kLinger) close();
      break;
    case State::learning:
      if (waited > kLearning) fail_upstream("the registry did not answer in time");
      break;
    case State::authenticating:
    case State::closed:
      break;
  }
}

void ClientConnection::begin_drain() {
  if (state_ == State::lingering) {
    close();
  } else if (state_ == State::reading_head && in_.empty()) {
    // What arrived before the end was announced is still served.
    read_head();
    const auto* tls = socket_.tls();
    const bool is_coming = tls != nullptr && tls->is_midway();
    if (state_ == State::reading_head && in_.empty() && !is_coming) close();
  }
}

}  // namespace layergate::proxy
