// The scanner and the parser of request heads: what arrives in pieces is what arrives whole, and a
// head that is taken means the same when it is written out from what was read.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "proxy/head_scanner.h"
#include "proxy/request_head.h"

namespace {

using namespace layergate::proxy;
using Result = HeadScanner::Result;

void require(bool holds) {
  if (!holds) std::abort();
}

void add_field(std::string& out, std::string_view name, std::string_view value) {
  if (value.empty()) return;
  out.append(name).append(": ").append(value).append("\r\n");
}

std::string write(const RequestHead& head) {
  std::string out(to_string(head.method));
  out.append(" ").append(head.path);
  if (!head.query.empty()) out.append("?").append(head.query);
  out += head.http10 ? " HTTP/1.0\r\n" : " HTTP/1.1\r\n";
  add_field(out, "Host", head.host);
  if (head.has_authorization) out.append("Authorization: ").append(head.authorization) += "\r\n";
  add_field(out, "Content-Type", head.content_type);
  add_field(out, "Content-Range", head.content_range);
  add_field(out, "Range", head.range);
  add_field(out, "If-None-Match", head.if_none_match);
  add_field(out, "User-Agent", head.user_agent);
  // One field each, or a head with a thousand elements would not be one.
  std::string accept;
  for (const auto range : head.accept) accept.append(accept.empty() ? "" : ",").append(range);
  add_field(out, "Accept", accept);
  std::string forwarded;
  for (const auto hop : head.forwarded_for)
    forwarded.append(forwarded.empty() ? "" : ",").append(hop);
  add_field(out, "X-Forwarded-For", forwarded);
  if (head.body.kind == Framing::Kind::chunked) add_field(out, "Transfer-Encoding", "chunked");
  if (head.body.kind == Framing::Kind::length)
    add_field(out, "Content-Length", std::to_string(head.body.length));
  if (head.expect_continue) add_field(out, "Expect", "100-continue");
  add_field(out, "Connection", head.keep_alive ? "keep-alive" : "close");
  return out + "\r\n";
}

void check_round_trip(const RequestHead& head) {
  const auto text = write(head);
  HeadScanner scanner;
  if (text.size() > kMaxHeadBytes) return;  // ", " for a comma: longer than what was read
  require(scanner.scan(text) == Result::complete && scanner.size() == text.size());
  const auto again = parse_request_head(text);
  require(again.has_value());
  require(again->method == head.method && again->path == head.path && again->query == head.query);
  require(again->http10 == head.http10 && again->keep_alive == head.keep_alive);
  require(again->expect_continue == head.expect_continue);
  require(again->body.kind == head.body.kind && again->body.length == head.body.length);
  require(again->host == head.host && again->authorization == head.authorization);
  require(again->has_authorization == head.has_authorization);
  require(again->content_type == head.content_type && again->range == head.range);
  require(again->content_range == head.content_range);
  require(again->if_none_match == head.if_none_match && again->user_agent == head.user_agent);
  require(again->accept == head.accept && again->forwarded_for == head.forwarded_for);
}

void check_taken(const RequestHead& head) {
  require(head.path.starts_with('/') && head.path.find_first_of("? #") == std::string_view::npos);
  require(!head.host.empty());
  const bool reads = head.method == Method::get || head.method == Method::head;
  require(!(reads && head.body.has_body()));
  require(!(head.http10 && head.body.kind == Framing::Kind::chunked));
  require(!head.expect_continue || head.body.has_body());
  require(head.body.kind != Framing::Kind::length || head.body.length > 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  HeadScanner whole;
  const auto result = whole.scan(text);

  // Byte by byte, and in two pieces at a place that the input chooses.
  HeadScanner bytes;
  auto split = Result::partial;
  for (std::size_t end = 0; end <= size && split == Result::partial; ++end)
    split = bytes.scan(text.substr(0, end));
  require(split == result);
  HeadScanner halves;
  const auto cut = size == 0 ? 0 : data[size - 1] * size / 256;
  auto in_two = halves.scan(text.substr(0, cut));
  if (in_two == Result::partial) in_two = halves.scan(text);
  require(in_two == result);

  if (result != Result::complete) {
    // The parser is not asked then, but must not fall over either.
    (void)parse_request_head(text);
    return 0;
  }
  require(whole.size() == bytes.size() && whole.size() == halves.size());
  require(whole.size() <= size && whole.size() <= kMaxHeadBytes);
  const auto head_text = text.substr(0, whole.size());
  require(head_text.find("\r\n\r\n") == head_text.size() - 4);
  const auto head = parse_request_head(head_text);
  if (!head) {
    require(head.error().status >= 400 && head.error().status <= 505);
    require(!head.error().what.empty());
    return 0;
  }
  check_taken(*head);
  check_round_trip(*head);
  return 0;
}
