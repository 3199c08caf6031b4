#include "proxy/byte_range.h"

#include <algorithm>

#include "proxy/http.h"

namespace layergate::proxy {

std::optional<ByteRange> ByteRange::parse(std::string_view text) {
  if (!text.starts_with("bytes=")) return std::nullopt;
  const auto range = text.substr(6);
  const auto dash = range.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto first = range.substr(0, dash);
  const auto last = range.substr(dash + 1);
  if (first.empty() && last.empty()) return std::nullopt;
  const ByteRange parsed{parse_decimal(first), parse_decimal(last)};
  if (parsed.first.has_value() == first.empty()) return std::nullopt;
  if (parsed.last.has_value() == last.empty()) return std::nullopt;
  return parsed;
}

std::string ByteRange::to_field() const {
  const auto text = [](const auto& number) { return number ? std::to_string(*number) : ""; };
  return "bytes=" + text(first) + "-" + text(last);
}

bool ByteRange::is_plain() const { return first ? !last || *first <= *last : *last > 0; }

std::optional<ByteSpan> ByteRange::of(std::uint64_t size) const {
  if (size == 0 || (first && *first >= size)) return std::nullopt;
  if (!first) return ByteSpan{size - std::min(size, *last), size - 1};
  return ByteSpan{*first, last ? std::min(*last, size - 1) : size - 1};
}

}  // namespace layergate::proxy
