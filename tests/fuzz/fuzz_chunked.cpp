// The chunked coding: wherever it is split, the same body, the same end and the same verdict; and
// a body that was taken, coded again, is taken as the same.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "proxy/chunk_decoder.h"

namespace {

using layergate::proxy::ChunkDecoder;
using Result = ChunkDecoder::Result;

void require(bool holds) {
  if (!holds) std::abort();
}

struct Decoded {
  Result result = Result::partial;
  std::string body;
  std::size_t consumed = 0;

  bool operator==(const Decoded&) const = default;
};

// Pieces of the sizes that `sizes` gives in turn.
Decoded decode(std::string_view text, std::string_view sizes) {
  ChunkDecoder decoder;
  Decoded all;
  for (std::size_t turn = 0; !text.empty() && all.result == Result::partial; ++turn) {
    const auto size = sizes.empty()
                          ? text.size()
                          : std::size_t{static_cast<unsigned char>(sizes[turn % sizes.size()])};
    std::string piece(text.substr(0, size));
    text.remove_prefix(piece.size());
    const auto step = decoder.decode(piece);
    require(step.produced <= step.consumed && step.consumed <= piece.size());
    require(step.result != Result::partial || step.consumed == piece.size());
    all.body += piece.substr(0, step.produced);
    all.consumed += step.consumed;
    all.result = step.result;
  }
  return all;
}

void check_coded_again(const std::string& body) {
  std::string coded;
  for (std::size_t at = 0; at < body.size(); at += 11) {
    const auto part = std::string_view(body).substr(at, 11);
    char size[8];
    std::snprintf(size, sizeof size, "%zx", part.size());
    coded.append(size).append("\r\n").append(part).append("\r\n");
  }
  coded += "0\r\n\r\n";
  const auto again = decode(coded, "\x03\x01");
  require(again.result == Result::complete && again.body == body);
  require(again.consumed == coded.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto whole = decode(text, "");
  require(decode(text, "\x01") == whole);
  require(decode(text, "\x02\x05\x01") == whole);
  // And as the input's own tail says, one byte at least each.
  std::string sizes(text.substr(text.size() - (text.size() < 4 ? text.size() : 4)));
  for (auto& each : sizes) each = each == '\0' ? '\x01' : each;
  require(decode(text, sizes) == whole);

  if (whole.result != Result::complete) return 0;
  require(text.substr(0, whole.consumed).ends_with("\r\n"));
  // The end is the end: what comes before it is unfinished, and what comes after it is not read.
  require(decode(text.substr(0, whole.consumed - 1), "").result == Result::partial);
  require(decode(text.substr(0, whole.consumed), "") == whole);
  check_coded_again(whole.body);
  return 0;
}
