#include "proxy/response_head.h"

#include <optional>

namespace layergate::proxy {

std::string_view ResponseHead::find(std::string_view name) const {
  for (const auto& field : fields) {
    if (iequals(field.name, name)) return field.value;
  }
  return {};
}

tl::expected<ResponseHead, std::string> parse_response_head(std::string_view text, Method to) {
  ResponseHead head;
  const auto line_end = text.find("\r\n");
  if (line_end == std::string_view::npos || !text.ends_with("\r\n\r\n")) {
    return tl::unexpected<std::string>("an unfinished head");
  }
  const auto line = text.substr(0, line_end);
  const bool http10 = line.starts_with("HTTP/1.0 ");
  if (!http10 && !line.starts_with("HTTP/1.1 ")) {
    return tl::unexpected<std::string>("not HTTP/1.1");
  }
  const auto status = parse_decimal(line.substr(9, 3));
  if (!status || *status < 100 || *status > 599 || (line.size() > 12 && line[12] != ' ')) {
    return tl::unexpected<std::string>("a malformed status line");
  }
  head.status = static_cast<int>(*status);

  auto fields = parse_fields(text.substr(line_end + 2, text.size() - line_end - 4));
  if (!fields) return tl::unexpected(fields.error().what);
  head.fields = *std::move(fields);

  std::optional<std::string_view> length;  // an empty value is not an absent field
  std::optional<std::string_view> encoding;
  bool close = http10;
  for (const auto& [name, value] : head.fields) {
    if (iequals(name, "Content-Length")) {
      if (length && *length != value) {
        return tl::unexpected<std::string>("two Content-Lengths that differ");
      }
      length = value;
    } else if (iequals(name, "Transfer-Encoding")) {
      if (encoding) return tl::unexpected<std::string>("two Transfer-Encodings");
      encoding = value;
    } else if (iequals(name, "Connection")) {
      std::vector<std::string_view> options;
      split_list(value, options);
      for (const auto option : options) close = close || iequals(option, "close");
    }
  }
  head.keep_alive = !close;

  const bool no_body =
      to == Method::head || head.status < 200 || head.status == 204 || head.status == 304;
  if (encoding) {
    if (length || !iequals(*encoding, "chunked")) {
      return tl::unexpected<std::string>("a transfer coding other than chunked alone");
    }
    if (!no_body) head.body = Framing::chunked();
  } else if (length) {
    const auto bytes = parse_decimal(*length);
    if (!bytes) return tl::unexpected<std::string>("a malformed Content-Length");
    if (!no_body) head.body = Framing::of_length(*bytes);
  } else if (!no_body) {
    return tl::unexpected<std::string>("a body without a length");
  }
  return head;
}

}  // namespace layergate::proxy
