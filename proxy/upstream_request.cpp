#include "proxy/upstream_request.h"

#include <algorithm>
#include <optional>

namespace layergate::proxy {
namespace {

using Refused = tl::unexpected<Refusal>;

Refusal bad(std::string message) {
  return {400, ErrorCode::unsupported, std::move(message), "", 0};
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

std::optional<Refusal> refuse_fields(const RequestHead& head) {
  if (!std::all_of(head.accept.begin(), head.accept.end(), is_media_range)) {
    return bad("a malformed Accept field");
  }
  if (!is_etag_list(head.if_none_match)) return bad("a malformed If-None-Match field");
  return std::nullopt;
}

std::optional<ByteRange> wanted_range(const Request& request) {
  const auto& head = request.head;
  const auto& digest = request.route.digest;
  if (request.route.endpoint != Endpoint::blob || head.range.empty()) return std::nullopt;
  if (!head.if_range.empty() && head.if_range != '"' + digest + '"') return std::nullopt;
  return ByteRange::parse(head.range);
}

tl::expected<std::string, Refusal> upstream_head(const Request& request, std::string_view host) {
  const auto& head = request.head;
  const auto& route = request.route;
  if (auto refusal = refuse_fields(head)) return Refused(*std::move(refusal));
  auto out = start(to_string(head.method), upstream_target(route), host);
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
  if (const auto range = wanted_range(request)) add_field(out, "Range", range->to_field());
  if (!head.if_none_match.empty()) add_field(out, "If-None-Match", head.if_none_match);
  if (route.endpoint == Endpoint::start_upload || route.endpoint == Endpoint::upload) {
    // A form or multipart body would be read for mount= and digest= too, over the query's.
    if (head.method != Method::get) add_field(out, "Content-Type", "application/octet-stream");
    if (!head.content_range.empty()) {
      const auto range = parse_content_range(head.content_range);
      if (!range) return Refused(bad("Content-Range must be first-last"));
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
  if (const auto range = wanted_range(request)) add_field(out, "Range", range->to_field());
  return out + "\r\n";
}

}  // namespace layergate::proxy
