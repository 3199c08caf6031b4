// Longer than most files here, because it is the one place where a request's steps meet.
#include "proxy/client_connection.h"

#include <algorithm>
#include <utility>

#include "proxy/exchange.h"
#include "proxy/gate.h"
#include "proxy/listing.h"
#include "proxy/proxy_protocol.h"

namespace layergate::proxy {
namespace {

constexpr std::uint64_t kMaxManifest = 4U << 20U;  // bytes; CVE-2017-11468
constexpr std::chrono::seconds kLinger{5};

// The client's address where trusted front ends stand between: the rightmost that is not theirs.
// Nothing if the field cannot be read, which from a trusted front end never happens.
std::optional<IpAddress> forwarded_address(const IpAddress& peer,
                                           const std::vector<std::string_view>& hops,
                                           const std::vector<IpNetwork>& trusted) {
  auto address = peer;
  for (auto hop = hops.rbegin(); hop != hops.rend() && contains(trusted, address); ++hop) {
    const auto parsed = IpAddress::parse(*hop);
    if (!parsed) return std::nullopt;
    address = *parsed;
  }
  return address;
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

void ClientConnection::read_head() {
  if (in_.empty()) since_ = Worker::Clock::now();
  const auto result = socket_.receive(in_, kMaxHeadBytes);
  switch (result.io) {
    case Socket::Io::ok:
      break;
    case Socket::Io::again:
      return;
    case Socket::Io::closed:
    case Socket::Io::failed:
      close();
      return;
  }
  take_head();
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
  switch (scanner_.scan(in_.view())) {
    case HeadScanner::Result::partial:
      return;
    case HeadScanner::Result::complete:
      break;
    case HeadScanner::Result::bad:
      malformed(400, "a malformed request; this port speaks plain HTTP/1.1");
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
  route_refusal_.reset();
  if (!route) {
    if (route.error().status == 400) request.head.keep_alive = false;
    if (route.error().status == 400 || !request.head.path.starts_with("/v2/")) {
      refuse(route.error(), "route");
      return;
    }
    route_refusal_ = std::move(route.error());
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
  // The pool may answer after this connection has gone, or serves another request.
  auto later = [&worker = worker_, id = id_, serial = serial_](auth::Verdict verdict) {
    worker.post([&worker, id, serial, verdict] {
      auto* client = worker.find(id);
      if (client != nullptr && client->serial_ == serial &&
          client->state_ == State::authenticating) {
        client->on_verdict(verdict);
      }
    });
  };
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
  if (route_refusal_) {
    const auto admitted = request.policy->admit(who);
    const auto refused = refuse_account(admitted);
    refuse(refused ? *refused : *route_refusal_, refused ? admitted.to_string() : "route");
    return;
  }
  const auto ruling = rule_on(request.route, who, *request.policy);
  auto& record = request.record;
  record.action = to_string(ruling.action);
  record.reason = to_string(ruling.decision.reason);
  if (ruling.decision.rule != nullptr) record.rule = ruling.decision.rule->to_string();
  if (ruling.refusal) {
    refuse(*ruling.refusal, record.reason);
    return;
  }
  record.allowed = true;  // by the policy; what the registry makes of it, the status says
  // An unreadable source makes it an ordinary upload, as if the blob were not there.
  if (!ruling.mount_readable) {
    request.route.mount.clear();
    request.route.from.clear();
  }
  carry_out();
}

void ClientConnection::carry_out() {
  auto& request = *request_;
  const auto& route = request.route;
  const auto& context = worker_.context();
  if (route.endpoint == Endpoint::ping) {
    answer({200, {}, "application/json", "{}"});
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
  const bool is_manifest = route.endpoint == Endpoint::manifest && route.method == Method::put;
  if (is_manifest && request.head.body.kind == Framing::Kind::length &&
      request.head.body.length > kMaxManifest) {
    refuse({413, ErrorCode::manifest_invalid, "a manifest may have 4 MiB at most", "", 0},
           "too large");
    return;
  }
  if (route.endpoint == Endpoint::catalog || route.endpoint == Endpoint::tags) {
    handler_ = std::make_unique<Listing>(*this);
  } else {
    handler_ = std::make_unique<Exchange>(*this, is_manifest ? kMaxManifest : UINT64_MAX);
  }
  state_ = State::handling;
  since_ = Worker::Clock::now();
  handler_->start();
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

void ClientConnection::write_record() {
  auto& request = *request_;
  auto& metrics = worker_.context().metrics;
  const std::chrono::duration<double> taken = Worker::Clock::now() - request.start;
  request.record.seconds = taken.count();
  metrics.bytes_in += request.record.bytes_in;
  metrics.bytes_out += request.record.bytes_out;
  const auto digit = static_cast<std::size_t>(request.record.status / 100);
  ++metrics.requests[digit < metrics.requests.size() ? digit : 0];
  worker_.context().access_log.write(request.record);
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
        if (waited > (serial_ == 0 ? limits.head : limits.idle)) close();
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
    if (state_ == State::reading_head && in_.empty()) close();
  }
}

}  // namespace layergate::proxy
