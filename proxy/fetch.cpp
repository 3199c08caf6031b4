#include "proxy/fetch.h"

#include <utility>

#include "proxy/upstream_request.h"

namespace layergate::proxy {
namespace {

constexpr std::chrono::seconds kLimit{60};
constexpr std::chrono::seconds kConnect{10};

}  // namespace

Fetch::Fetch(Worker& worker, std::string target, std::function<void(Answer)> done)
    : worker_(worker),
      target_(std::move(target)),
      done_(std::move(done)),
      since_(Worker::Clock::now()) {}

void Fetch::start() {
  untouched_ = true;
  connecting_since_ = Worker::Clock::now();
  upstream_ = worker_.upstream().take(!retried_, this);
  if (!upstream_) return end({0, "the registry cannot be reached", "", ""});
  const auto& upstream = worker_.context().config.upstream;
  upstream_->out.append(
      get_head(target_, upstream.socket.empty() ? upstream.address.to_string() : "registry"));
  send();
}

void Fetch::on_readable(Socket& /*socket*/) { read(); }
void Fetch::on_writable(Socket& /*socket*/) { send(); }

void Fetch::send() {
  while (!upstream_->out.empty()) {
    const auto result = upstream_->socket.send(upstream_->out.view());
    if (result.io == Socket::Io::again) {
      upstream_->socket.want(true, true);
      return;
    }
    if (result.io != Socket::Io::ok) return broke("the registry cannot be reached");
    upstream_->out.consume(result.bytes);
    untouched_ = false;
  }
  upstream_->socket.want(true, false);
}

void Fetch::read() {
  if (over_) return;
  if (!in_body_) {
    switch (reader_.read(*upstream_, Method::get)) {
      case ResponseReader::Result::partial:
        return;
      case ResponseReader::Result::closed:
      case ResponseReader::Result::failed:
        return broke("the registry closed the connection");
      case ResponseReader::Result::malformed:
        return end({0, "the registry's answer is not valid HTTP: " + reader_.problem(), "", ""});
      case ResponseReader::Result::complete:
        break;
    }
    in_body_ = true;
    take_body();
  }
  while (!over_) {
    const auto result = upstream_->socket.receive(upstream_->in, 16 * 1024);
    if (result.io == Socket::Io::again) return;
    if (result.io != Socket::Io::ok) {
      return end({0, "the registry broke off in the middle of an answer", "", ""});
    }
    take_body();
  }
}

// Moves what was received into the body, and ends if that was all.
void Fetch::take_body() {
  const auto& framing = reader_.head().body;
  auto& in = upstream_->in;
  bool complete = framing.kind == Framing::Kind::none;
  if (framing.kind == Framing::Kind::length) {
    body_ += in.view();
    in.clear();
    if (body_.size() > framing.length) return end({0, "more than its Content-Length came", "", ""});
    complete = body_.size() == framing.length;
  } else if (framing.kind == Framing::Kind::chunked && !in.empty()) {
    const auto data = in.bytes();
    const auto step = decoder_.decode(data);
    if (step.result == ChunkDecoder::Result::bad) {
      return end({0, "the registry's chunked coding is broken", "", ""});
    }
    body_.append(data.data(), step.produced);
    in.consume(step.consumed);
    complete = step.result == ChunkDecoder::Result::complete;
  }
  if (body_.size() > kMaxBody) return end({0, "the registry's list is too long", "", ""});
  if (!complete) return;
  Answer answer{reader_.head().status, "", std::string(reader_.head().find("Link")),
                std::move(body_)};
  if (reader_.head().keep_alive) worker_.upstream().give_back(std::move(upstream_));
  end(std::move(answer));
}

bool Fetch::try_another_address() {
  auto& pool = worker_.upstream();
  if (upstream_->reused || !untouched_ || addresses_tried_ >= pool.address_count()) return false;
  ++addresses_tried_;
  pool.avoid(*upstream_);
  start();
  return true;
}

void Fetch::broke(const std::string& what) {
  if (try_another_address()) return;
  if (upstream_->reused && !retried_ && !reader_.started()) {
    retried_ = true;
    return start();
  }
  end({0, untouched_ ? "the registry cannot be reached" : what, "", ""});
}

void Fetch::tick(Worker::Clock::time_point now) {
  if (over_) return;
  if (untouched_ && now - connecting_since_ > kConnect && try_another_address()) return;
  if (now - since_ > kLimit) end({0, "the registry did not answer in time", "", ""});
}

void Fetch::end(Answer answer) {
  if (over_) return;
  over_ = true;
  if (upstream_) upstream_->socket.want(false, false);
  done_(std::move(answer));
}

}  // namespace layergate::proxy
