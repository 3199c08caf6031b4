// Finds the end of a message head as its bytes arrive.
//
// Every line ends in CRLF. A bare CR or LF, a NUL or another control character is refused where it
// stands, so that nothing which a more lenient parser would read as the end of a line is ever
// waited on (Pingora CVE-2026-2833, HAProxy CVE-2023-25725).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace layergate::proxy {

class HeadScanner {
 public:
  enum class Result : std::uint8_t {
    partial,
    complete,   // size() bytes are the head, its empty line included
    bad,        // 400
    long_line,  // more than kMaxHeadBytes and still in the first line: 414
    too_large,  // more than kMaxHeadBytes: 431
  };

  // `text` is everything received so far; it may only grow from call to call.
  Result scan(std::string_view text);
  [[nodiscard]] std::size_t size() const { return scanned_; }
  void reset() { *this = {}; }

 private:
  std::size_t scanned_ = 0;
  std::size_t line_start_ = 0;
  bool first_line_ = true;
};

}  // namespace layergate::proxy
