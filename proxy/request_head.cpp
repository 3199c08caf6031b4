#include "proxy/request_head.h"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <utility>

#include "proxy/fields.h"

namespace layergate::proxy {
namespace {

using Error = tl::unexpected<HeadError>;

Error bad(std::string what) { return Error(HeadError{400, std::move(what)}); }

tl::expected<Method, HeadError> parse_method(std::string_view text) {
  constexpr std::array kKnown{
      std::pair{"GET", Method::get},     std::pair{"HEAD", Method::head},
      std::pair{"POST", Method::post},   std::pair{"PUT", Method::put},
      std::pair{"PATCH", Method::patch}, std::pair{"DELETE", Method::erase}};
  for (const auto& [name, method] : kKnown) {
    if (text == name) return method;
  }
  if (!is_token(text)) return bad("a malformed method");
  for (const auto* refused : {"OPTIONS", "CONNECT", "TRACE"}) {
    if (text == refused) return Error(HeadError{405, "the method is not allowed here"});
  }
  return Error(HeadError{501, "an unknown method"});
}

// Origin form only (RFC 9112, 3.2.1): what is absolute, an authority or "*" is for other proxies.
std::optional<std::string_view> check_target(std::string_view target) {
  if (target.empty() || target.front() != '/') return std::nullopt;
  for (const char c : target) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte >= 0x7f) return std::nullopt;
    if (std::string_view("\"<>\\^`{|}#").find(c) != std::string_view::npos) return std::nullopt;
  }
  return target;
}

// A name, an IPv4 or bracketed IPv6 address, with an optional port (RFC 9110, 7.2).
bool host_is_valid(std::string_view host) {
  auto name = host;
  if (!host.empty() && host.front() == '[') {
    const auto close = host.find(']');
    if (close == std::string_view::npos || close < 3) return false;
    const auto inside = host.substr(1, close - 1);
    if (inside.find_first_not_of("0123456789abcdefABCDEF:.") != std::string_view::npos)
      return false;
    name = host.substr(close + 1);
    if (name.empty()) return true;
  } else {
    name = host.substr(0, host.find(':'));
    if (name.empty()) return false;
    const bool clean = std::all_of(name.begin(), name.end(), [](char c) {
      return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
             c == '.' || c == '-' || c == '_';
    });
    if (!clean) return false;
    name = host.substr(name.size());
    if (name.empty()) return true;
  }
  if (name.front() != ':') return false;
  const auto port = parse_decimal(name.substr(1));
  return port && *port > 0 && *port <= 65535;
}

// Collects what the fields say; each member that may stand only once counts its fields.
class FieldReader {
 public:
  explicit FieldReader(RequestHead& head) : head_(head) {}

  std::optional<HeadError> read(const Field& field) {
    const auto [name, value] = field;
    if (iequals(name, "Host")) return once(hosts_, head_.host, value, "Host");
    if (iequals(name, "Authorization")) {
      head_.has_authorization = true;
      return once(authorizations_, head_.authorization, value, "Authorization");
    }
    if (iequals(name, "Content-Type"))
      return once(types_, head_.content_type, value, "Content-Type");
    if (iequals(name, "Content-Range")) {
      return once(content_ranges_, head_.content_range, value, "Content-Range");
    }
    if (iequals(name, "Range")) return once(ranges_, head_.range, value, "Range");
    if (iequals(name, "If-Range")) return once(if_ranges_, head_.if_range, value, "If-Range");
    if (iequals(name, "If-None-Match")) {
      return once(if_none_matches_, head_.if_none_match, value, "If-None-Match");
    }
    if (iequals(name, "Content-Length")) return once(lengths_, length_, value, "Content-Length");
    if (iequals(name, "Transfer-Encoding")) {
      return once(encodings_, encoding_, value, "Transfer-Encoding");
    }
    if (iequals(name, "User-Agent")) {
      head_.user_agent = value;
    } else if (iequals(name, "Accept")) {
      split_list(value, head_.accept);
    } else if (iequals(name, "X-Forwarded-For")) {
      split_list(value, head_.forwarded_for);
    } else if (iequals(name, "Connection")) {
      std::vector<std::string_view> options;
      split_list(value, options);
      for (const auto option : options) {
        close_ = close_ || iequals(option, "close");
        keep_alive_ = keep_alive_ || iequals(option, "keep-alive");
      }
    } else if (iequals(name, "Expect")) {
      if (!iequals(value, "100-continue")) return HeadError{417, "an unknown expectation"};
      head_.expect_continue = true;
    }
    return std::nullopt;
  }

  // What can only be said once all fields are known.
  std::optional<HeadError> finish() {
    if (hosts_ != 1 || !host_is_valid(head_.host))
      return HeadError{400, "Host must stand once and be valid"};
    if (encodings_ > 0) {
      if (lengths_ > 0) return HeadError{400, "both Content-Length and Transfer-Encoding"};
      if (head_.http10) return HeadError{400, "Transfer-Encoding in HTTP/1.0"};
      if (!iequals(encoding_, "chunked"))
        return HeadError{400, "a transfer coding other than chunked"};
      head_.body = Framing::chunked();
    } else if (lengths_ > 0) {
      const auto length = parse_decimal(length_);
      if (!length ||
          *length > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
        return HeadError{400, "a malformed Content-Length"};
      }
      head_.body = Framing::of_length(*length);
    }
    if (head_.body.has_body() && (head_.method == Method::get || head_.method == Method::head)) {
      return HeadError{400, "GET and HEAD take no body"};
    }
    // RFC 9110, 10.1.1: an expectation in HTTP/1.0 is ignored.
    if (head_.http10 || !head_.body.has_body()) head_.expect_continue = false;
    head_.keep_alive = !close_ && (!head_.http10 || keep_alive_);
    return std::nullopt;
  }

 private:
  static std::optional<HeadError> once(int& count, std::string_view& target, std::string_view value,
                                       const char* name) {
    if (++count > 1) return HeadError{400, std::string(name) + " stands more than once"};
    target = value;
    return std::nullopt;
  }

  RequestHead& head_;
  int hosts_ = 0, authorizations_ = 0, types_ = 0, content_ranges_ = 0, ranges_ = 0, if_ranges_ = 0;
  int if_none_matches_ = 0, lengths_ = 0, encodings_ = 0;
  std::string_view length_, encoding_;
  bool close_ = false, keep_alive_ = false;
};

}  // namespace

tl::expected<RequestHead, HeadError> parse_request_head(std::string_view text) {
  RequestHead head;
  const auto line_end = text.find("\r\n");
  if (line_end == std::string_view::npos || !text.ends_with("\r\n\r\n"))
    return bad("an unfinished head");
  const auto line = text.substr(0, line_end);

  const auto first = line.find(' ');
  const auto second = first == std::string_view::npos ? first : line.find(' ', first + 1);
  if (second == std::string_view::npos) return bad("a malformed request line");
  const auto version = line.substr(second + 1);
  const auto target = check_target(line.substr(first + 1, second - first - 1));

  const auto method = parse_method(line.substr(0, first));
  if (!method) return Error(method.error());
  head.method = *method;
  if (version != "HTTP/1.1" && version != "HTTP/1.0") {
    const bool other_version = version.size() == 8 && version.starts_with("HTTP/") &&
                               version[5] >= '0' && version[5] <= '9' && version[6] == '.' &&
                               version[7] >= '0' && version[7] <= '9';
    if (!other_version) return bad("a malformed HTTP version");
    return Error(HeadError{505, "only HTTP/1.1 and HTTP/1.0 are spoken here"});
  }
  head.http10 = version == "HTTP/1.0";
  if (!target) return bad("a malformed request target");
  const auto question = target->find('?');
  head.path = target->substr(0, question);
  if (question != std::string_view::npos) head.query = target->substr(question + 1);

  const auto fields = parse_fields(text.substr(line_end + 2, text.size() - line_end - 4));
  if (!fields) return Error(HeadError{fields.error().status, fields.error().what});
  FieldReader reader(head);
  for (const auto& field : *fields) {
    if (auto error = reader.read(field)) return Error(*std::move(error));
  }
  if (auto error = reader.finish()) return Error(*std::move(error));
  return head;
}

}  // namespace layergate::proxy
