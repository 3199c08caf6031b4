// The chunked transfer coding (RFC 9112, section 7.1), decoded as it arrives.
//
// Strict: lines end in CRLF, sizes are 1 to 15 hexadecimal digits without blanks. Extensions and
// trailers are checked for form, capped and dropped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace layergate::proxy {

class ChunkDecoder {
 public:
  enum class Result : std::uint8_t { partial, complete, bad };
  struct Step {
    Result result;
    std::size_t consumed;  // bytes of the input that belong to the coding
    std::size_t produced;  // bytes of body, now at the front of the input
  };

  // Decodes in place. What stands after `consumed` is the next message's.
  Step decode(std::span<char> data);

 private:
  enum class State : std::uint8_t {
    size_start,
    size,
    extension,
    size_lf,
    data,
    data_cr,
    data_lf,
    trailer_start,
    trailer,
    trailer_lf,
    end_lf,
    done,
    failed,
  };

  bool take(char c);  // one byte of anything but data

  State state_ = State::size_start;
  int digits_ = 0;
  std::uint64_t left_ = 0;    // of the present chunk, bytes
  std::size_t overhead_ = 0;  // bytes of the present extension, or of all trailers
  bool colon_ = false;        // the present trailer line has a name
};

}  // namespace layergate::proxy
