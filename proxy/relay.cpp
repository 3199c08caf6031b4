#include "proxy/relay.h"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <utility>

namespace layergate::proxy {
namespace {

constexpr std::uint64_t kLowWater = 512U << 10U;   // bytes: what a wake-up should be worth
constexpr std::uint64_t kWorthAPipe = 64U << 10U;  // below, a copy costs less than a pipe
constexpr std::uint64_t kWorthLowWater = 256U << 10U;
// A sink that took so much has sent some of it: it is more than may wait unsent in its socket.
constexpr std::uint64_t kProof = Socket::kMostUnsent + (128U << 10U);
constexpr std::uint64_t kSmallBody = 1U << 20U;  // a pipe holds all of it
constexpr std::chrono::milliseconds kSlow{250};  // until a full sink takes something again
constexpr std::size_t kSmallPiece = 16U << 10U;  // for a sink that is full again and again

}  // namespace

Relay::Relay(Socket& source, Buffer& received, Socket& sink, Buffer& pending, PipePool& pipes,
             std::span<char> scratch, const Options& options)
    : source_(source),
      received_(received),
      sink_(sink),
      pending_(pending),
      pipes_(pipes),
      scratch_(scratch),
      options_(options),
      left_(options.in.length),
      ended_(!options.in.has_body()),
      can_splice_(source.is_plain() && sink.is_plain()) {}

Relay::~Relay() {
  source_.set_low_water(1);
  sink_.limit_unsent(false);
  release_pipe();
}

std::uint64_t Relay::delivered() const { return moved_ > waiting() ? moved_ - waiting() : 0; }

void Relay::release_pipe() { pipes_.give_back(std::move(pipe_)); }

Relay::Status Relay::step() {
  wants_read_ = wants_write_ = false;
  const auto start = moved_;
  bool has_read = false;
  while (true) {
    auto io = write_waiting();
    if (io == Io::progress) {
      if (has_read) sink_was_full_ = false;
      if (ended_) return Status::done;
      if (moved_ - start >= kTurn) {
        wants_read_ = true;
        source_.set_low_water(1);  // what is left of this turn's bytes must wake us again
        return Status::moving;
      }
      io = read_some();
      has_read = true;
    }
    switch (io) {
      case Io::progress:
        break;
      case Io::blocked:
        wants_read_ = true;
        adjust_low_water();
        release_pipe();  // it is empty, and others have bytes for it
        return Status::moving;
      case Io::sink_full:
        wants_write_ = true;
        sink_is_full();
        return Status::moving;
      case Io::failed:
        return Status::source_failed;
      case Io::closed:
        return Status::source_closed;
      case Io::malformed:
        return Status::malformed;
      case Io::sink_failed:
        return Status::sink_failed;
    }
  }
}

void Relay::sink_is_full() {
  sink_was_full_ = true;
  if (!full_since_) full_since_ = Clock::now();
}

void Relay::sink_has_taken() {
  if (!full_since_) return;
  sink_is_slow_ = Clock::now() - *full_since_ > kSlow;
  full_since_.reset();
}

// The head, and what an earlier step read and could not write.
Relay::Io Relay::write_waiting() {
  while (!pending_.empty()) {
    const bool more = !ended_ || (pipe_ && pipe_->held > 0);
    // A head alone is sent at once: its receiver may have to answer before the body comes.
    const auto result = sink_.send(pending_.view(), more && moved_ > 0);
    if (result.io == Socket::Io::again) return Io::sink_full;
    if (result.io != Socket::Io::ok) return Io::sink_failed;
    pending_.consume(result.bytes);
    sink_has_taken();
  }
  while (pipe_ && pipe_->held > 0) {
    const unsigned flags = SPLICE_F_MOVE | SPLICE_F_NONBLOCK | (left_ > 0 ? SPLICE_F_MORE : 0U);
    const auto bytes =
        ::splice(pipe_->read_end.get(), nullptr, sink_.fd(), nullptr, pipe_->held, flags);
    if (bytes < 0) return errno == EAGAIN || errno == EINTR ? Io::sink_full : Io::sink_failed;
    if (bytes == 0) return Io::sink_failed;
    pipe_->held -= static_cast<std::size_t>(bytes);
    sink_has_taken();
  }
  switch (sink_.flush()) {
    case Socket::Io::ok:
      if (!sink_.is_plain()) sink_has_taken();
      return Io::progress;
    case Socket::Io::again:
      return Io::sink_full;
    case Socket::Io::closed:
    case Socket::Io::failed:
      break;
  }
  return Io::sink_failed;
}

Relay::Io Relay::read_some() {
  return options_.in.kind == Framing::Kind::length ? read_length() : read_chunked();
}

Relay::Io Relay::read_length() {
  if (!received_.empty()) {
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(left_, received_.size()));
    moved_ += count;
    left_ -= count;
    ended_ = left_ == 0;
    const auto io = write_body(received_.view().substr(0, count), ended_);
    received_.consume(count);
    return io;
  }
  const bool is_fast = sink_keeps_up();
  sink_.limit_unsent(!is_fast);
  if (!can_splice_) return copy_in();
  if (!is_fast || left_ < kWorthAPipe) {
    release_pipe();
    return copy_what_fits();
  }
  if (!pipe_) pipe_ = pipes_.take();
  return pipe_ ? splice_in() : copy_what_fits();
}

// One that does not would hold a pipe, of which there are few, for as long as it takes.
bool Relay::sink_keeps_up() const {
  return (moved_ >= kProof || options_.in.length <= kSmallBody) && !sink_is_slow_;
}

std::size_t Relay::piece(std::uint64_t most) const {
  const auto size = sink_was_full_ ? std::min(kSmallPiece, scratch_.size()) : scratch_.size();
  return static_cast<std::size_t>(std::min<std::uint64_t>(most, size));
}

// What the sink does not take stays with the source: a slow client has no memory here.
Relay::Io Relay::copy_what_fits() {
  const auto bytes = ::recv(source_.fd(), scratch_.data(), piece(left_), MSG_PEEK);
  if (bytes == 0) return Io::closed;
  if (bytes < 0) return errno == EAGAIN || errno == EINTR ? Io::blocked : Io::failed;
  const auto seen = static_cast<std::size_t>(bytes);
  const auto sent = sink_.send({scratch_.data(), seen});
  if (sent.io == Socket::Io::again) return Io::sink_full;
  if (sent.io != Socket::Io::ok) return Io::sink_failed;
  sink_has_taken();
  // TCP drops them without a copy (tcp(7)); a unix socket copies them again.
  if (::recv(source_.fd(), scratch_.data(), sent.bytes, MSG_TRUNC) !=
      static_cast<ssize_t>(sent.bytes)) {
    return Io::failed;
  }
  moved_ += sent.bytes;
  left_ -= sent.bytes;
  ended_ = left_ == 0;
  return sent.bytes < seen ? Io::sink_full : Io::progress;
}

Relay::Io Relay::copy_in() {
  const auto result = source_.receive(scratch_.data(), piece(left_));
  switch (result.io) {
    case Socket::Io::again:
      return Io::blocked;
    case Socket::Io::closed:
      return Io::closed;
    case Socket::Io::failed:
      return Io::failed;
    case Socket::Io::ok:
      break;
  }
  moved_ += result.bytes;
  left_ -= result.bytes;
  ended_ = left_ == 0;
  return write_body({scratch_.data(), result.bytes}, ended_);
}

Relay::Io Relay::splice_in() {
  const auto most = static_cast<std::size_t>(std::min<std::uint64_t>(left_, pipe_->capacity));
  const auto bytes = ::splice(source_.fd(), nullptr, pipe_->write_end.get(), nullptr, most,
                              SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
  if (bytes < 0) {
    if (errno == EAGAIN || errno == EINTR) return Io::blocked;
    if (errno == EINVAL) {  // this kind of socket cannot: copy
      release_pipe();
      can_splice_ = false;
      return copy_in();
    }
    return Io::failed;
  }
  if (bytes == 0) return Io::closed;
  const auto count = static_cast<std::size_t>(bytes);
  pipe_->held += count;
  moved_ += count;
  left_ -= count;
  ended_ = left_ == 0;
  return Io::progress;
}

Relay::Io Relay::read_chunked() {
  std::size_t consumed = 0;
  if (!received_.empty()) {
    // Decoded where it is; write_body() is done with it before it goes.
    const auto io = decode(received_.bytes(), consumed);
    received_.consume(consumed);
    return io;
  }
  const auto result = source_.receive(scratch_.data(), piece(scratch_.size()));
  switch (result.io) {
    case Socket::Io::again:
      return Io::blocked;
    case Socket::Io::closed:
      return Io::closed;
    case Socket::Io::failed:
      return Io::failed;
    case Socket::Io::ok:
      break;
  }
  const auto data = scratch_.first(result.bytes);
  const auto io = decode(data, consumed);
  // What follows the body is the next request of a client that pipelines.
  if (consumed < data.size()) received_.append({data.data() + consumed, data.size() - consumed});
  return io;
}

Relay::Io Relay::decode(std::span<char> data, std::size_t& consumed) {
  const auto step = decoder_.decode(data);
  consumed = step.consumed;
  if (step.result == ChunkDecoder::Result::bad) return Io::malformed;
  moved_ += step.produced;
  ended_ = step.result == ChunkDecoder::Result::complete;
  return write_body({data.data(), step.produced}, ended_);
}

// What the sink does not take now waits in pending_.
Relay::Io Relay::write_body(std::string_view data, bool last) {
  const bool coded = options_.in.kind == Framing::Kind::chunked && options_.chunked_out;
  std::array<char, 24> size{};
  std::array<iovec, 3> parts{};
  std::size_t count = 0;
  const auto add = [&](std::string_view text) {
    parts[count++] = {const_cast<char*>(text.data()), text.size()};
  };
  if (!coded) {
    if (!data.empty()) add(data);
  } else {
    if (!data.empty()) {
      const int length = std::snprintf(size.data(), size.size(), "%zx\r\n", data.size());
      add({size.data(), static_cast<std::size_t>(length)});
      add(data);
    }
    if (last) {
      add(data.empty() ? "0\r\n\r\n" : "\r\n0\r\n\r\n");
    } else if (!data.empty()) {
      add("\r\n");
    }
  }
  std::size_t written = 0;
  if (pending_.empty() && count > 0) written = write_now({parts.data(), count});
  for (std::size_t i = 0; i < count; ++i) {
    const std::string_view part(static_cast<const char*>(parts[i].iov_base), parts[i].iov_len);
    const auto skip = std::min(written, part.size());
    written -= skip;
    pending_.append(part.substr(skip));
  }
  return Io::progress;
}

std::size_t Relay::write_now(std::span<const iovec> parts) {
  if (sink_.is_plain()) {
    const auto bytes = ::writev(sink_.fd(), parts.data(), static_cast<int>(parts.size()));
    return bytes > 0 ? static_cast<std::size_t>(bytes) : 0;
  }
  std::size_t written = 0;
  for (const auto& part : parts) {
    const auto taken = sink_.put({static_cast<const char*>(part.iov_base), part.iov_len});
    written += taken;
    if (taken < part.iov_len) break;
  }
  return written;
}

void Relay::adjust_low_water() {
  const bool copies = !source_.is_plain() || !sink_.is_plain();
  if (options_.in.kind != Framing::Kind::length || (!pipe_ && !copies)) {
    source_.set_low_water(1);
    return;
  }
  source_.set_low_water_for(left_, kLowWater, kWorthLowWater);
}

}  // namespace layergate::proxy
