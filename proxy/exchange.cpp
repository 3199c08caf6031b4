// Longer than most files here: the states of one exchange are easier to check side by side.
#include "proxy/exchange.h"

#include <algorithm>
#include <utility>

#include <spdlog/spdlog.h>

#include "proxy/upstream_request.h"

namespace layergate::proxy {
namespace {

constexpr int kMaxRedirects = 3;
constexpr std::chrono::seconds kConnect{10};
// For an answer to a request without a body. A registry at work on a finished body (hashing 24 GB)
// has no limit: TCP keep-alive tells whether it is there.
constexpr std::chrono::minutes kAnswer{5};
constexpr std::chrono::minutes kUpstreamStall{5};

std::string upstream_host(const config::Upstream& upstream) {
  return upstream.socket.empty() ? upstream.address.to_string() : "registry";
}

bool may_repeat(Method method) { return method == Method::get || method == Method::head; }

}  // namespace

Exchange::Exchange(ClientConnection& client) : client_(client), pace_(Worker::Clock::now()) {}

Exchange::~Exchange() = default;

bool Exchange::request_was_read() const {
  return up_ ? up_->source_ended() : !client_.request().head.body.has_body();
}

// --- towards the registry ---

void Exchange::start() {
  const auto& request = client_.request();
  auto head = upstream_head(request, upstream_host(client_.worker().context().config.upstream));
  if (!head) {
    state_ = State::over;
    client_.refuse(head.error(), "malformed");
    return;
  }
  upstream_head_ = *std::move(head);
  if (request.head.expect_continue) client_.out().append("HTTP/1.1 100 Continue\r\n\r\n");
  if (connect(may_repeat(request.head.method))) send_to_upstream();
}

bool Exchange::connect(bool may_reuse) {
  upstream_ = client_.worker().upstream().take(may_reuse, this);
  if (!upstream_) {
    fail(502, "the registry cannot be reached");
    return false;
  }
  upstream_->out.append(upstream_head_);
  Relay::Options options;
  options.in = client_.request().head.body;
  options.chunked_out = true;
  up_.emplace(client_.socket(), client_.in(), upstream_->socket, upstream_->out,
              client_.worker().pipes(), client_.worker().scratch(), options);
  state_ = State::sending;
  pace_.touch(Worker::Clock::now());
  return true;
}

void Exchange::send_to_upstream() {
  // The interim answer; the client sends nothing before it has it, or has given up on it.
  while (!client_.out().empty()) {
    const auto result = client_.socket().send(client_.out().view());
    if (result.io == Socket::Io::again) break;
    if (result.io != Socket::Io::ok) return client_gone();
    client_.out().consume(result.bytes);
  }
  const auto status = up_->step();
  client_.request().record.bytes_in = up_->moved();
  pace_.note(up_->moved(), Worker::Clock::now());
  switch (status) {
    case Relay::Status::moving:
      break;
    case Relay::Status::done:
      state_ = State::waiting;
      break;
    case Relay::Status::source_closed:
    case Relay::Status::source_failed:
      return client_gone();
    case Relay::Status::sink_failed:
      // It may have answered before it closed, as on a refusal in the middle of a body.
      state_ = State::waiting;
      read_answer();
      return;
    case Relay::Status::malformed:
      return fail(400, "the body's chunked coding is broken");
  }
  watch_sockets();
}

void Exchange::on_readable(Socket& /*upstream*/) {
  switch (state_) {
    case State::sending:
    case State::waiting:
      read_answer();
      break;
    case State::responding:
      send_to_client();
      break;
    case State::resolving:
    case State::recording:
    case State::over:
      break;
  }
}

void Exchange::on_writable(Socket& /*upstream*/) {
  if (state_ == State::sending) send_to_upstream();
}

void Exchange::on_client_readable() {
  if (state_ == State::sending) send_to_upstream();
}

void Exchange::on_client_writable() {
  if (state_ == State::responding) {
    send_to_client();
  } else if (state_ == State::sending) {
    send_to_upstream();
  }
}

// --- the answer ---

void Exchange::read_answer() {
  const auto method = client_.request().head.method;
  switch (answer_.read(*upstream_, method)) {
    case ResponseReader::Result::partial:
      watch_sockets();
      break;
    case ResponseReader::Result::complete:
      begin_response();
      break;
    case ResponseReader::Result::closed:
      upstream_broke("the registry closed the connection");
      break;
    case ResponseReader::Result::failed:
      upstream_broke("the connection to the registry broke");
      break;
    case ResponseReader::Result::malformed:
      fail(502, "the registry's answer is not valid HTTP: " + answer_.problem());
      break;
  }
}

// Before the head of an answer.
void Exchange::upstream_broke(const std::string& what) {
  if (const auto* tls = upstream_->socket.tls(); tls != nullptr && tls->has_failed()) {
    spdlog::warn("[{}] TLS with the registry: {}", client_.request().record.trace, tls->problem());
  }
  if (try_another_address()) return;
  const auto whose = std::string(redirect_ ? "the registry's storage" : "the registry");
  if (!upstream_ || (!upstream_->reused && nothing_was_sent())) {
    return fail(502, whose + " cannot be reached");
  }
  const bool again = upstream_->reused && !retried_ && !answer_.started() && !redirect_ &&
                     may_repeat(client_.request().head.method);
  if (!again) return fail(502, what);
  retried_ = true;
  up_.reset();
  if (connect(false)) send_to_upstream();
}

bool Exchange::nothing_was_sent() const {
  return upstream_->out.size() == upstream_head_.size() && up_->moved() == 0;
}

bool Exchange::try_another_address() {
  if (!nothing_was_sent() || upstream_->reused) return false;
  if (redirect_) {
    if (!connect_to_storage()) return false;
  } else {
    auto& pool = client_.worker().upstream();
    if (addresses_tried_ >= pool.address_count()) return false;
    ++addresses_tried_;
    pool.avoid(*upstream_);
    up_.reset();
    if (!connect(false)) return true;  // which has told the client
  }
  send_to_upstream();
  return true;
}

void Exchange::begin_response() {
  auto head = answer_.head();
  auto& request = client_.request();
  if (is_redirect(head.status)) return follow_redirect();
  if (head.status == 401 || head.status == 407) {
    return fail(502, "the registry asks for credentials itself; it must be one without");
  }
  if (head.status == 416) {
    // Registry 2.8 announces the whole blob's length here and sends a sentence.
    state_ = State::over;
    return client_.answer(out_of_range(head.find("Content-Range")));
  }
  if (redirect_) {
    if (head.status != 200 && head.status != 206) {
      return fail(502, "the registry's storage answered " + std::to_string(head.status));
    }
    // Whose bytes these are, the request says and not the storage.
    std::erase_if(head.fields, [](const Field& field) {
      return iequals(field.name, "Docker-Content-Digest") || iequals(field.name, "Location");
    });
    head.fields.push_back({"Docker-Content-Digest", request.route.digest});
  }

  request.record.digest = head.find("Docker-Content-Digest");
  if (request.record.digest.empty()) request.record.digest = request.route.digest;
  if (!has_ended_upload(head.status)) return respond(head);
  state_ = State::recording;
  watch_sockets();
  client_.record_arrival(head.status, [this, head] { respond(head); });
}

void Exchange::respond(const ResponseHead& head) {
  auto& request = client_.request();
  const auto& context = client_.worker().context();
  const bool chunked = head.body.kind == Framing::Kind::chunked;
  keep_client_ =
      client_.may_keep_alive() && request_was_read() && !(chunked && request.head.http10);
  const auto text =
      forward_head(head, request, context.upload_token, chunked && !request.head.http10,
                   {keep_client_, request.record.trace});
  if (!text) return fail(502, "the registry sent a Location that is not in this repository");

  request.record.status = head.status;
  client_.out().append(*text);
  Relay::Options options;
  options.in = head.body;
  options.chunked_out = !request.head.http10;
  down_.emplace(upstream_->socket, upstream_->in, client_.socket(), client_.out(),
                client_.worker().pipes(), client_.worker().scratch(), options);
  state_ = State::responding;
  pace_.begin(Worker::Clock::now());
  send_to_client();
}

// A blob came to the repository: it was uploaded or mounted.
bool Exchange::has_ended_upload(int status) const {
  const auto& request = client_.request();
  return status == 201 &&
         ((request.route.endpoint == Endpoint::upload && request.head.method == Method::put) ||
          request.route.endpoint == Endpoint::start_upload);
}

void Exchange::follow_redirect() {
  const auto& request = client_.request();
  const auto location = answer_.head().find("Location");
  if (client_.worker().context().config.upstream.redirects == config::Redirects::refuse) {
    return fail(502,
                "the registry redirects to its storage; set upstream.redirects: follow, or "
                "turn the redirect off in the registry");
  }
  auto target = RedirectTarget::parse(location);
  if (!target || ++redirects_ > kMaxRedirects || request.route.endpoint != Endpoint::blob ||
      !may_repeat(request.head.method)) {
    return fail(502, "the registry sent a redirect that cannot be followed");
  }
  redirect_ = std::move(target);
  state_ = State::resolving;
  up_.reset();
  upstream_.reset();
  pace_.touch(Worker::Clock::now());
  client_.worker().context().resolver.lookup(
      redirect_->endpoint, client_.hand_on<Resolver::Addresses>(
                               [this](const Resolver::Addresses& found) { on_resolved(found); }));
}

void Exchange::on_resolved(const Resolver::Addresses& addresses) {
  storage_ = addresses;
  addresses_tried_ = 0;
  upstream_head_ = redirected_head(client_.request(), redirect_->target, redirect_->host);
  if (!connect_to_storage()) return fail(502, "the registry's storage cannot be reached");
  send_to_upstream();
}

bool Exchange::connect_to_storage() {
  up_.reset();
  upstream_.reset();
  while (!upstream_ && addresses_tried_ < storage_->size()) {
    const auto& address = (*storage_)[addresses_tried_++];
    upstream_ = UpstreamPool::connect(client_.worker().base(), address, this);
  }
  if (!upstream_) return false;
  upstream_->out.append(upstream_head_);
  answer_ = {};
  Relay::Options options;  // no body
  up_.emplace(client_.socket(), client_.in(), upstream_->socket, upstream_->out,
              client_.worker().pipes(), client_.worker().scratch(), options);
  state_ = State::sending;
  pace_.touch(Worker::Clock::now());
  return true;
}

void Exchange::send_to_client() {
  const auto status = down_->step();
  // What was read from the registry may wait long for a slow client.
  client_.request().record.bytes_out = down_->delivered();
  pace_.note(down_->delivered(), Worker::Clock::now());
  switch (status) {
    case Relay::Status::moving:
      watch_sockets();
      break;
    case Relay::Status::done:
      finish();
      break;
    case Relay::Status::sink_failed:
      client_gone();
      break;
    case Relay::Status::source_closed:
    case Relay::Status::source_failed:
    case Relay::Status::malformed:
      // The status is sent; all that can still be said is that this is not the end.
      ++client_.worker().context().metrics.upstream_failures;
      spdlog::warn("[{}] the registry broke off in the middle of an answer",
                   client_.request().record.trace);
      state_ = State::over;
      client_.abort("registry broke off");
      break;
  }
}

void Exchange::finish() {
  state_ = State::over;
  // A registry may answer before it has the whole body; what is missing it would read from the
  // next request.
  const bool reusable = answer_.head().keep_alive && up_ && up_->finished() && !redirect_;
  down_.reset();
  up_.reset();
  if (reusable) client_.worker().upstream().give_back(std::move(upstream_));
  client_.finish(keep_client_);
}

void Exchange::fail(int status, const std::string& what) {
  const bool upstream_fault = status == 502 || status == 504;
  if (upstream_fault) {
    ++client_.worker().context().metrics.upstream_failures;
    spdlog::warn("[{}] {}", client_.request().record.trace, what);
  }
  const auto code = status == 400   ? ErrorCode::blob_upload_invalid
                    : status == 408 ? ErrorCode::unsupported
                                    : ErrorCode::unavailable;
  state_ = State::over;
  client_.refuse({status, code, what, "", 0}, upstream_fault ? "registry failed" : what);
}

void Exchange::client_gone() {
  state_ = State::over;
  client_.abort("client gone");
}

// --- waiting ---

void Exchange::watch_sockets() {
  switch (state_) {
    case State::sending:
      client_.socket().want(up_->wants_read(), !client_.out().empty());
      upstream_->socket.want(true, up_->wants_write());
      break;
    case State::waiting:
      client_.socket().want(false, false);
      upstream_->socket.want(true, false);
      break;
    case State::responding:
      client_.socket().want(false, down_->wants_write());
      upstream_->socket.want(down_->wants_read(), false);
      break;
    case State::recording:
      client_.socket().want(false, false);
      upstream_->socket.want(false, false);
      break;
    case State::resolving:
    case State::over:
      break;
  }
}

void Exchange::tick(Worker::Clock::time_point now) {
  const auto& limits = client_.worker().context().config.limits;
  switch (state_) {
    case State::sending:
      if (up_->wants_read()) {
        // What is there, but below the low-water mark, is progress too.
        send_to_upstream();
        if (state_ != State::sending) return;
      }
      if (pace_.moved() == 0 && !up_->wants_read() && pace_.still(now) > kConnect) {
        if (try_another_address()) return;
        return fail(504, "the registry does not accept the connection");
      }
      if (up_->wants_read() && (pace_.still(now) > limits.idle || pace_.is_too_slow(limits, now))) {
        return fail(408, "the body did not come in time");
      }
      if (pace_.still(now) > std::max<Worker::Clock::duration>(limits.idle, kUpstreamStall)) {
        return fail(504, "the registry takes no more of the body");
      }
      break;
    case State::waiting:
      // A PUT without a body commits what PATCH brought.
      if (!client_.request().head.body.has_body() && client_.request().head.method != Method::put &&
          pace_.still(now) > kAnswer) {
        return fail(504, "the registry did not answer in time");
      }
      break;
    case State::resolving:
      if (pace_.still(now) > kConnect) fail(504, "the registry's storage cannot be found");
      return;
    case State::responding:
      // Readiness is reported only from a low-water mark on, in both directions.
      send_to_client();
      if (state_ != State::responding) return;
      pace_.note_owed(client_.socket().unacknowledged(), now);
      if (down_->wants_write() &&
          (pace_.still(now) > limits.idle || pace_.is_too_slow(limits, now))) {
        state_ = State::over;
        client_.abort("client too slow");
        return;
      }
      if (pace_.still(now) > std::max<Worker::Clock::duration>(limits.idle, kUpstreamStall)) {
        state_ = State::over;
        ++client_.worker().context().metrics.upstream_failures;
        client_.abort("registry too slow");
        return;
      }
      break;
    case State::recording:
    case State::over:
      return;
  }
  pace_.tick(limits, now);
}

}  // namespace layergate::proxy
