// A Range of one part (RFC 9110, section 14.1.2).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace layergate::proxy {

struct ByteSpan {
  std::uint64_t first = 0;
  std::uint64_t last = 0;  // included

  bool operator==(const ByteSpan& other) const = default;
};

struct ByteRange {
  std::optional<std::uint64_t> first;  // none: the last `last` bytes
  std::optional<std::uint64_t> last;   // none: to the end

  // "bytes=a-b", "bytes=a-" or "bytes=-b". Several ranges in one answer no registry client asks
  // for, and RFC 9110, 14.2 lets a server ignore a Range.
  static std::optional<ByteRange> parse(std::string_view text);

  [[nodiscard]] std::string to_field() const;
  // Not "5-2" and not "-0", which servers answer each in its own way.
  [[nodiscard]] bool is_plain() const;
  // Which bytes of so many are meant; nothing if none of them. REQUIRES: is_plain().
  [[nodiscard]] std::optional<ByteSpan> of(std::uint64_t size) const;
};

}  // namespace layergate::proxy
