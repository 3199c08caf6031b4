// The heads of the registry's answers: what is taken has one meaning, and what goes to the client
// is such a head too, with nothing in it that was not meant to pass.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "proxy/head_scanner.h"
#include "proxy/response.h"
#include "proxy/response_head.h"

namespace {

using namespace layergate::proxy;

void require(bool holds) {
  if (!holds) std::abort();
}

// The methods and routes that are tried with each head.
struct Asked {
  Method method;
  const char* path;
};
constexpr Asked kAsked[] = {
    {Method::get, "/v2/a/manifests/x"},
    {Method::head, "/v2/a/manifests/x"},
    {Method::post, "/v2/a/blobs/uploads/"},
    {Method::erase, "/v2/a/blobs/uploads/u"},
};

void check_location(std::string_view location, const Request& request) {
  require(location.starts_with("/v2/" + request.route.repository + "/"));
  const auto question = location.find('?');
  const auto route =
      parse_route(Method::get, location.substr(0, question),
                  question == std::string_view::npos ? "" : location.substr(question + 1));
  require(route.has_value() && route->repository == request.route.repository);
  require((route->endpoint == Endpoint::upload) == !route->upload_token.empty());
}

void check(std::string_view text, const Asked& asked) {
  const auto head = parse_response_head(text, asked.method);
  if (!head) {
    require(!head.error().empty());
    return;
  }
  require(head->status >= 100 && head->status <= 599);
  if (asked.method == Method::head) require(!head->body.has_body());

  Request request;
  request.account = "alice";
  request.head.method = asked.method;
  request.route = *parse_route(asked.method, asked.path, "");
  const UploadToken token{UploadToken::Key{}};
  const bool chunked = head->body.kind == Framing::Kind::chunked;
  const auto out = forward_head(*head, request, token, chunked, {head->keep_alive, "trace"});
  if (!out) return;

  // A Location grows by its encoding, so that the whole may pass the limit for what is received.
  HeadScanner scanner;
  const auto scanned = scanner.scan(*out);
  require(scanned == HeadScanner::Result::too_large ||
          (scanned == HeadScanner::Result::complete && scanner.size() == out->size()));
  const auto again = parse_response_head(*out, asked.method);
  if (!again) {
    require(head->fields.size() + 8 > kMaxHeadFields);
    return;
  }
  require(again->status == head->status && again->keep_alive == head->keep_alive);
  require(again->body.kind == head->body.kind && again->body.length == head->body.length);
  for (const auto& [name, value] : again->fields) {
    for (const auto* inner : {"Set-Cookie", "Server", "Www-Authenticate", "Link", "Upgrade"})
      require(!iequals(name, inner));
    if (iequals(name, "Location")) check_location(value, request);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  HeadScanner scanner;
  if (scanner.scan(text) != HeadScanner::Result::complete) {
    (void)parse_response_head(text, Method::get);
    return 0;
  }
  for (const auto& asked : kAsked) check(text.substr(0, scanner.size()), asked);
  return 0;
}
