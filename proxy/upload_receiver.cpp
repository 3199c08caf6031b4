#include "proxy/upload_receiver.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace layergate::proxy {
namespace {

using storage::Piece;

// What a wake-up should be worth; Relay has the same reasons.
constexpr std::uint64_t kLowWater = Piece::kSize;

}  // namespace

UploadReceiver::UploadReceiver(Socket& socket, Buffer& received, const Framing& framing,
                               std::shared_ptr<storage::Pieces> memory, std::function<void()> again)
    : socket_(socket),
      received_(received),
      is_chunked_(framing.kind == Framing::Kind::chunked),
      memory_(std::move(memory)),
      again_(std::move(again)),
      left_(is_chunked_ ? 1 : framing.length) {}

UploadReceiver::~UploadReceiver() { socket_.set_low_water(1); }

std::vector<Piece> UploadReceiver::take() { return std::exchange(pieces_, {}); }

UploadReceiver::Status UploadReceiver::step() {
  wants_read_ = false;
  while (left_ > 0) {
    if (pieces_.empty() || pieces_.back().is_full()) {
      if (pieces_.size() == kMostPieces) return Status::moving;
      auto piece = memory_->take(again_);
      if (!piece) return Status::moving;
      pieces_.push_back(*std::move(piece));
    }
    const auto io = receive(pieces_.back());
    // Who is slow holds no memory meanwhile.
    if (pieces_.back().empty()) pieces_.pop_back();
    switch (io) {
      case Io::progress:
        break;
      case Io::blocked:
        wants_read_ = true;
        adjust_low_water();
        return Status::moving;
      case Io::closed:
        return Status::closed;
      case Io::malformed:
        return Status::malformed;
    }
  }
  socket_.set_low_water(1);
  return Status::ended;
}

UploadReceiver::Io UploadReceiver::receive(Piece& piece) {
  return is_chunked_ ? receive_chunked(piece) : receive_length(piece);
}

UploadReceiver::Io UploadReceiver::receive_length(Piece& piece) {
  const auto space = piece.free_space();
  const auto most = static_cast<std::size_t>(std::min<std::uint64_t>(space.size(), left_));
  std::size_t count = 0;
  if (!received_.empty()) {
    count = std::min(most, received_.size());
    std::memcpy(space.data(), received_.view().data(), count);
    received_.consume(count);
  } else {
    const auto result = socket_.receive(space.data(), most);
    if (result.io == Socket::Io::again) return Io::blocked;
    if (result.io != Socket::Io::ok) return Io::closed;
    count = result.bytes;
  }
  piece.add(count);
  moved_ += count;
  left_ -= count;
  return Io::progress;
}

UploadReceiver::Io UploadReceiver::receive_chunked(Piece& piece) {
  const auto space = piece.free_space();
  std::size_t consumed = 0;
  std::size_t produced = 0;
  auto io = Io::progress;
  if (!received_.empty()) {
    const auto coded = received_.bytes().first(std::min(received_.size(), space.size()));
    io = decode(coded, consumed, produced);
    std::memcpy(space.data(), coded.data(), produced);
    received_.consume(consumed);
  } else {
    const auto result = socket_.receive(space.data(), space.size());
    if (result.io == Socket::Io::again) return Io::blocked;
    if (result.io != Socket::Io::ok) return Io::closed;
    io = decode(space.first(result.bytes), consumed, produced);
    // The next request has begun.
    if (consumed < result.bytes) {
      received_.append({space.data() + consumed, result.bytes - consumed});
    }
  }
  piece.add(produced);
  moved_ += produced;
  return io;
}

UploadReceiver::Io UploadReceiver::decode(std::span<char> coded, std::size_t& consumed,
                                          std::size_t& produced) {
  const auto step = decoder_.decode(coded);
  consumed = step.consumed;
  produced = step.produced;
  if (step.result == ChunkDecoder::Result::bad) return Io::malformed;
  if (step.result == ChunkDecoder::Result::complete) left_ = 0;
  return Io::progress;
}

void UploadReceiver::adjust_low_water() {
  if (is_chunked_) return;  // where it ends is not known
  socket_.set_low_water_for(left_, kLowWater, kLowWater);
}

}  // namespace layergate::proxy
