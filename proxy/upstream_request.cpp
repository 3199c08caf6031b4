#include "proxy/upstream_request.h"

#include <algorithm>
#include <optional>

namespace layergate::proxy {
namespace {

using Refused = tl::unexpected<Refusal>;

Refused bad(std::string message) {
  return Refused(Refusal{400, ErrorCode::unsupported, std::move(message), "", 0});
}

// "type/subtype", and parameters without quoted strings; q= and charset= are all that is seen.
bool is_media_range(std::string_view text) {
  const auto type = trim(text.substr(0, text.find(';')));
  const auto slash = type.find('/');
  if (slash == std::string_view::npos || !is_token(type.substr(0, slash)) ||
      !is_token(type.substr(slash + 1))) {
    return false;
  }
  return std::all_of(text.begin(), text.end(), [](char c) {
    return is_token_char(c) || c == '/' || c == ';' || c == '=' || c == ' ';
  });
}

// "bytes=a-b", "bytes=a-" or "bytes=-b". Several ranges in one answer no registry client asks for,
// and RFC 9110, 14.2 lets a server ignore a Range.
std::optional<std::string> single_range(std::string_view text) {
  if (!text.starts_with("bytes=")) return std::nullopt;
  const auto range = text.substr(6);
  const auto dash = range.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto first = range.substr(0, dash);
  const auto last = range.substr(dash + 1);
  const auto fine = [](std::string_view number) { return number.empty() || parse_decimal(number); };
  if ((first.empty() && last.empty()) || !fine(first) || !fine(last)) return std::nullopt;
  return "bytes=" + std::string(first) + "-" + std::string(last);
}

// Entity tags of digests and "*": what a registry's clients send.
bool is_etag_list(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return is_token_char(c) || c == '"' || c == ':' || c == ',' || c == ' ' || c == '/';
  });
}

void add_field(std::string& out, std::string_view name, std::string_view value) {
  out += name;
  out += ": ";
  out += value;
  out += "\r\n";
}

std::string start(std::string_view method, std::string_view target, std::string_view host) {
  std::string out;
  out += method;
  out += ' ';
  out += target;
  out += " HTTP/1.1\r\n";
  add_field(out, "Host", host);
  add_field(out, "User-Agent", "layergate");
  return out;
}

}  // namespace

std::optional<ByteSpan> parse_content_range(std::string_view text) {
  if (text.starts_with("bytes ")) text = trim(text.substr(6));
  text = text.substr(0, text.find('/'));
  const auto dash = text.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto first = parse_decimal(text.substr(0, dash));
  const auto last = parse_decimal(text.substr(dash + 1));
  if (!first || !last || *last < *first) return std::nullopt;
  return ByteSpan{*first, *last};
}

tl::expected<std::string, Refusal> upstream_head(const Request& request, std::string_view host) {
  const auto& head = request.head;
  const auto& route = request.route;
  auto out = start(to_string(head.method), upstream_target(route), host);

  for (const auto range : head.accept) {
    if (!is_media_range(range)) return bad("a malformed Accept field");
  }
  if (route.endpoint == Endpoint::manifest) {
    // The stored form and no other: the registry would convert it for who accepts less.
    add_field(out, "Accept",
              request.stored ? oci::to_string(*request.stored) : oci::every_media_type());
  } else if (!head.accept.empty()) {
    std::string accept;
    for (const auto range : head.accept) {
      accept += (accept.empty() ? "" : ", ") + std::string(range);
    }
    add_field(out, "Accept", accept);
  }
  if (route.endpoint == Endpoint::blob && !head.range.empty()) {
    if (const auto range = single_range(head.range)) add_field(out, "Range", *range);
  }
  if (!head.if_none_match.empty()) {
    if (!is_etag_list(head.if_none_match)) return bad("a malformed If-None-Match field");
    add_field(out, "If-None-Match", head.if_none_match);
  }
  if (route.endpoint == Endpoint::start_upload || route.endpoint == Endpoint::upload) {
    // A form or multipart body would be read for mount= and digest= too, over the query's.
    if (head.method != Method::get) add_field(out, "Content-Type", "application/octet-stream");
    if (!head.content_range.empty()) {
      const auto range = parse_content_range(head.content_range);
      if (!range) return bad("Content-Range must be first-last");
      add_field(out, "Content-Range",
                std::to_string(range->first) + "-" + std::to_string(range->last));
    }
  }

  switch (head.body.kind) {
    case Framing::Kind::chunked:
      add_field(out, "Transfer-Encoding", "chunked");
      break;
    case Framing::Kind::length:
      add_field(out, "Content-Length", std::to_string(head.body.length));
      break;
    case Framing::Kind::none:
      if (head.method != Method::get && head.method != Method::head)
        add_field(out, "Content-Length", "0");
      break;
  }
  out += "\r\n";
  return out;
}

std::string redirected_head(const Request& request, std::string_view target,
                            std::string_view host) {
  auto out = start(to_string(request.head.method), target, host);
  if (const auto range = single_range(request.head.range)) add_field(out, "Range", *range);
  return out + "\r\n";
}

}  // namespace layergate::proxy
