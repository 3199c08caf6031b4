#include "proxy/chunk_decoder.h"

#include <algorithm>
#include <cstring>

#include "proxy/http.h"

namespace layergate::proxy {
namespace {

constexpr std::size_t kMaxExtension = 256;      // bytes a chunk
constexpr std::size_t kMaxTrailers = 4 * 1024;  // bytes in all
constexpr int kMaxDigits = 15;                  // below 2^60

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_text(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return c == '\t' || (byte >= 0x20 && byte != 0x7f);
}

}  // namespace

bool ChunkDecoder::take(char c) {
  switch (state_) {
    case State::size_start:
    case State::size: {
      if (const int value = hex_value(c); value >= 0) {
        if (++digits_ > kMaxDigits) return false;
        left_ = left_ * 16 + static_cast<std::uint64_t>(value);
        state_ = State::size;
        return true;
      }
      if (state_ == State::size_start) return false;
      overhead_ = 0;
      if (c == ';') {
        state_ = State::extension;
      } else if (c == '\r') {
        state_ = State::size_lf;
      } else {
        return false;
      }
      return true;
    }
    case State::extension:
      if (c == '\r') {
        state_ = State::size_lf;
        return true;
      }
      return is_text(c) && ++overhead_ <= kMaxExtension;
    case State::size_lf:
      digits_ = 0;
      overhead_ = 0;
      state_ = left_ == 0 ? State::trailer_start : State::data;
      return c == '\n';
    case State::data_cr:
      state_ = State::data_lf;
      return c == '\r';
    case State::data_lf:
      state_ = State::size_start;
      return c == '\n';
    case State::trailer_start:
      if (c == '\r') {
        state_ = State::end_lf;
        return true;
      }
      colon_ = false;
      state_ = State::trailer;
      return is_token_char(c) && ++overhead_ <= kMaxTrailers;
    case State::trailer:
      if (c == '\r') {
        state_ = State::trailer_lf;
        return colon_;
      }
      if (c == ':') colon_ = true;
      return (colon_ ? is_text(c) : is_token_char(c)) && ++overhead_ <= kMaxTrailers;
    case State::trailer_lf:
      state_ = State::trailer_start;
      return c == '\n';
    case State::end_lf:
      state_ = State::done;
      return c == '\n';
    case State::data:
    case State::done:
    case State::failed:
      return false;
  }
  return false;
}

ChunkDecoder::Step ChunkDecoder::decode(std::span<char> data) {
  std::size_t in = 0;
  std::size_t out = 0;
  while (in < data.size() && state_ != State::done && state_ != State::failed) {
    if (state_ == State::data) {
      const auto count = std::min<std::uint64_t>(left_, data.size() - in);
      const auto bytes = static_cast<std::size_t>(count);
      if (in != out) std::memmove(data.data() + out, data.data() + in, bytes);
      in += bytes;
      out += bytes;
      left_ -= count;
      if (left_ == 0) state_ = State::data_cr;
      continue;
    }
    if (!take(data[in])) {
      state_ = State::failed;
      break;
    }
    ++in;
  }
  const auto result = state_ == State::done     ? Result::complete
                      : state_ == State::failed ? Result::bad
                                                : Result::partial;
  return {result, in, out};
}

}  // namespace layergate::proxy
