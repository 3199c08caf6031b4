#include "proxy/head_scanner.h"

#include "proxy/http.h"

namespace layergate::proxy {

HeadScanner::Result HeadScanner::scan(std::string_view text) {
  for (; scanned_ < text.size(); ++scanned_) {
    const char c = text[scanned_];
    // A CR stands for two bytes: its LF has to be within the limit too.
    if (scanned_ + (c == '\r' ? 1U : 0U) >= kMaxHeadBytes) {
      return first_line_ ? Result::long_line : Result::too_large;
    }
    if (c == '\r') {
      if (scanned_ + 1 == text.size()) return Result::partial;  // its LF decides
      if (text[scanned_ + 1] != '\n') return Result::bad;
      const bool empty_line = scanned_ == line_start_;
      ++scanned_;
      if (empty_line) {
        ++scanned_;
        // RFC 9112, 2.2 lets a server skip empty lines before a request; none of our clients
        // sends one, and a parser that skips is one more way to disagree.
        return first_line_ ? Result::bad : Result::complete;
      }
      line_start_ = scanned_ + 1;
      first_line_ = false;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\t') || byte == 0x7f) return Result::bad;
    // A request begins with a method and a response with "HTTP": a TLS ClientHello (0x16) and
    // everything binary ends here, at its first byte.
    if (scanned_ == 0 && (c < 'A' || c > 'Z')) return Result::bad;
  }
  return Result::partial;
}

}  // namespace layergate::proxy
