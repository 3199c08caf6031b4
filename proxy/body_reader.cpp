#include "proxy/body_reader.h"

#include <algorithm>

namespace layergate::proxy {

BodyReader::Status BodyReader::take_received() {
  if (framing_.kind == Framing::Kind::none) return Status::complete;
  if (framing_.kind == Framing::Kind::length) {
    if (framing_.length > most_) return Status::too_large;
    const auto missing = static_cast<std::size_t>(framing_.length) - body_.size();
    const auto part = received_.view().substr(0, missing);
    body_ += part;
    received_.consume(part.size());
    return body_.size() == framing_.length ? Status::complete : Status::partial;
  }
  if (received_.empty()) return Status::partial;
  const auto data = received_.bytes();
  const auto step = decoder_.decode(data);
  if (step.result == ChunkDecoder::Result::bad) return Status::malformed;
  if (body_.size() + step.produced > most_) return Status::too_large;
  body_.append(data.data(), step.produced);
  received_.consume(step.consumed);
  return step.result == ChunkDecoder::Result::complete ? Status::complete : Status::partial;
}

BodyReader::Status BodyReader::step() {
  while (true) {
    const auto status = take_received();
    if (status != Status::partial) return status;
    const auto result = socket_.receive(received_, 64U << 10U);
    switch (result.io) {
      case Socket::Io::ok:
        break;
      case Socket::Io::again:
        return Status::partial;
      case Socket::Io::closed:
      case Socket::Io::failed:
        return Status::closed;
    }
  }
}

}  // namespace layergate::proxy
