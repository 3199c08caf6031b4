#include "proxy/response.h"

#include <algorithm>
#include <array>

#include "base/reason_phrase.h"
#include "oci/reference.h"
#include "proxy/query.h"

namespace layergate::proxy {
namespace {

void add_field(std::string& out, std::string_view name, std::string_view value) {
  out += name;
  out += ": ";
  out += value;
  out += "\r\n";
}

std::string start_line(int status) {
  return "HTTP/1.1 " + std::to_string(status) + " " + std::string(reason_phrase(status)) + "\r\n";
}

void add_common(std::string& out, const HeadOptions& options) {
  add_field(out, "Docker-Distribution-Api-Version", "registry/2.0");
  add_field(out, "X-Content-Type-Options", "nosniff");
  if (!options.trace.empty()) add_field(out, "X-Request-Id", options.trace);
  if (!options.keep_alive) add_field(out, "Connection", "close");
}

// "http://host:port/path", "//host/path" (RFC 3986, 4.2) or "/path", without scheme and host.
std::string_view origin_form(std::string_view location) {
  for (const std::string_view scheme : {"http://", "https://", "//"}) {
    if (!location.starts_with(scheme)) continue;
    const auto slash = location.find('/', scheme.size());
    return slash == std::string_view::npos ? "/" : location.substr(slash);
  }
  return location;
}

// How many bytes of an upload the registry has, as its answer tells or as they were counted here.
std::optional<std::uint64_t> received_by(const ResponseHead& upstream, const Request& request) {
  if (request.route.endpoint == Endpoint::start_upload) return 0;
  if (request.head.method == Method::patch) {
    const auto before = UploadToken::received_of(request.route.upload_token);
    if (before) return *before + request.record.bytes_in;
  }
  // "0-9" are ten bytes; "0-0" one or, with registry 2.8, none.
  const auto range = upstream.find("Range");
  const auto last = parse_decimal(range.substr(std::min(range.size(), range.find('-') + 1)));
  return last && *last > 0 ? std::optional(*last + 1) : std::nullopt;
}

std::optional<std::string> forward_location(std::string_view location, const ResponseHead& upstream,
                                            const Request& request, const UploadToken& token) {
  const auto target = origin_form(location);
  const auto question = target.find('?');
  const auto path = target.substr(0, question);
  const auto query = question == std::string_view::npos ? "" : target.substr(question + 1);
  // Parsed as a request would be, so that it leads where it seems to.
  const auto route = parse_route(Method::get, path, query);
  if (!route || route->repository != request.route.repository) return std::nullopt;
  switch (route->endpoint) {
    case Endpoint::blob:
    case Endpoint::manifest:
      return upstream_target(*route);
    case Endpoint::upload: {
      auto again = *route;
      again.digest.clear();
      const auto base = upstream_target(again);
      const auto signature = token.sign(request.account, route->repository, route->upload_id,
                                        received_by(upstream, request));
      return base + (base.find('?') == std::string::npos ? '?' : '&') + "_layergate=" + signature;
    }
    case Endpoint::ping:
    case Endpoint::catalog:
    case Endpoint::tags:
    case Endpoint::start_upload:
    case Endpoint::referrers:
      return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace

Response to_response(const Refusal& refusal, const std::string& realm) {
  Response response;
  response.status = refusal.status;
  response.body = to_json(refusal);
  if (refusal.status == 401) {
    response.fields.emplace_back("WWW-Authenticate", "Basic realm=\"" + realm + "\"");
  }
  if (!refusal.allow.empty()) response.fields.emplace_back("Allow", refusal.allow);
  if (refusal.retry_after_seconds > 0) {
    response.fields.emplace_back("Retry-After", std::to_string(refusal.retry_after_seconds));
  }
  return response;
}

Response out_of_range(std::string_view content_range) {
  auto response =
      to_response({416, ErrorCode::size_invalid, "the range is not in the blob", "", 0}, "");
  if (!content_range.empty()) response.fields.emplace_back("Content-Range", content_range);
  return response;
}

// OCI distribution specification 1.1, "Pushing a blob in chunks".
Response out_of_order(std::uint64_t received) {
  auto response = to_response({416, ErrorCode::blob_upload_invalid,
                               "the chunk must begin at byte " + std::to_string(received), "", 0},
                              "");
  response.fields.emplace_back("Range", received_range(received));
  return response;
}

std::string received_range(std::uint64_t received) {
  return "0-" + std::to_string(received == 0 ? 0 : received - 1);
}

std::string serialize(const Response& response, bool to_head, const HeadOptions& options) {
  std::string out = start_line(response.status);
  add_common(out, options);
  for (const auto& [name, value] : response.fields) add_field(out, name, value);
  if (!response.body.empty()) add_field(out, "Content-Type", response.content_type);
  // Of what 200 would have brought, which is not made; none beside 204 (RFC 9110, section 8.6).
  if (response.status != 304 && response.status != 204) {
    add_field(out, "Content-Length", std::to_string(response.body.size()));
  }
  out += "\r\n";
  if (!to_head) out += response.body;
  return out;
}

std::optional<std::string> forward_head(const ResponseHead& upstream, const Request& request,
                                        const UploadToken& token, bool chunked,
                                        const HeadOptions& options) {
  constexpr std::array<std::string_view, 16> kForwarded{"Accept-Ranges",
                                                        "Cache-Control",
                                                        "Content-Range",
                                                        "Content-Type",
                                                        "Date",
                                                        "Docker-Content-Digest",
                                                        "Docker-Upload-UUID",
                                                        "ETag",
                                                        "Last-Modified",
                                                        "OCI-Chunk-Max-Length",
                                                        "OCI-Chunk-Min-Length",
                                                        "OCI-Filters-Applied",
                                                        "OCI-Subject",
                                                        "Range",
                                                        "Retry-After",
                                                        "Warning"};
  std::string out = start_line(upstream.status);
  add_common(out, options);
  for (const auto& [name, value] : upstream.fields) {
    const auto known =
        std::find_if(kForwarded.begin(), kForwarded.end(),
                     [&wanted = name](std::string_view field) { return iequals(field, wanted); });
    if (known != kForwarded.end()) {
      add_field(out, *known, value);
    } else if (iequals(name, "Location")) {
      const auto location = forward_location(value, upstream, request, token);
      if (!location) return std::nullopt;
      add_field(out, "Location", *location);
    }
  }
  if (chunked) {
    add_field(out, "Transfer-Encoding", "chunked");
  } else if (const auto length = upstream.find("Content-Length");
             !length.empty() && upstream.status != 204) {  // RFC 9110, 8.6
    add_field(out, "Content-Length", length);
  } else if (upstream.status != 204 && upstream.status != 304 && !upstream.body.has_body() &&
             request.head.method != Method::head) {
    add_field(out, "Content-Length", "0");
  }
  out += "\r\n";
  return out;
}

}  // namespace layergate::proxy
