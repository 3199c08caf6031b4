#include "proxy/route.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "base/percent.h"
#include "oci/reference.h"
#include "proxy/query.h"

namespace layergate::proxy {
namespace {

using Refused = tl::unexpected<Refusal>;

constexpr int kMaxPageSize = 10'000;  // CVE-2023-2253: an n without a bound

Refused refuse(int status, ErrorCode code, std::string message) {
  return Refused(Refusal{status, code, std::move(message), "", 0});
}

Refused not_found() {
  return refuse(404, ErrorCode::unsupported,
                "there is nothing at this path; the registry's API is below /v2/");
}

// A path may be percent-encoded in one place only: the colon of a digest.
std::optional<std::string> decode_path(std::string_view path) {
  std::string out;
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path[i] != '%') {
      out.push_back(path[i]);
      continue;
    }
    const auto code = path.substr(i, 3);
    const auto slash = out.rfind('/');
    const auto part = slash == std::string::npos ? out : out.substr(slash + 1);
    if ((code != "%3A" && code != "%3a") || (part != "sha256" && part != "sha512"))
      return std::nullopt;
    out.push_back(':');
    i += 2;
  }
  return out;
}

struct Shape {
  Endpoint endpoint;
  std::string_view name;
  std::string_view last;
};

std::optional<Shape> shape_of(std::string_view rest) {
  if (rest.empty()) return Shape{Endpoint::ping, {}, {}};
  if (rest == "_catalog") return Shape{Endpoint::catalog, {}, {}};
  const auto last_slash = rest.rfind('/');
  if (last_slash == std::string_view::npos) return std::nullopt;
  const auto last = rest.substr(last_slash + 1);
  const auto before = rest.substr(0, last_slash);

  const auto below = [&](std::string_view word) -> std::optional<std::string_view> {
    if (before.size() <= word.size() + 1 || !before.ends_with(word) ||
        before[before.size() - word.size() - 1] != '/') {
      return std::nullopt;
    }
    return before.substr(0, before.size() - word.size() - 1);
  };
  if (const auto name = below("manifests")) return Shape{Endpoint::manifest, *name, last};
  if (const auto name = below("blobs/uploads")) {
    return Shape{last.empty() ? Endpoint::start_upload : Endpoint::upload, *name, last};
  }
  if (const auto name = below("blobs")) return Shape{Endpoint::blob, *name, last};
  if (const auto name = below("referrers")) return Shape{Endpoint::referrers, *name, last};
  if (const auto name = below("tags"); name && last == "list")
    return Shape{Endpoint::tags, *name, last};
  return std::nullopt;
}

std::vector<Method> methods_of(Endpoint endpoint) {
  using enum Method;
  switch (endpoint) {
    case Endpoint::ping:
    case Endpoint::catalog:
    case Endpoint::tags:
    case Endpoint::referrers:
      return {get, head};
    case Endpoint::manifest:
      return {get, head, put, erase};
    case Endpoint::blob:
      return {get, head, erase};
    case Endpoint::start_upload:
      return {post};
    case Endpoint::upload:
      return {get, patch, put, erase};
  }
  return {};
}

// The parameters that an endpoint reads; all others are dropped. `ns=` (containerd) is one of
// those.
std::optional<Refusal> read_query(Route& route, const Query& query) {
  const auto bad = [](ErrorCode code, std::string message) {
    return Refusal{400, code, std::move(message), "", 0};
  };
  const auto text = [&](std::string_view name) {
    const auto* value = query.find(name);
    return value == nullptr ? std::string() : *value;
  };
  switch (route.endpoint) {
    case Endpoint::catalog:
    case Endpoint::tags: {
      if (const auto* n = query.find("n")) {
        const auto value = parse_decimal(*n);
        if (!value) {
          return bad(ErrorCode::pagination_number_invalid, "n must be a number");
        }
        route.page_size = static_cast<int>(std::min<std::uint64_t>(*value, kMaxPageSize));
      }
      route.page_last = text("last");
      const bool well_formed = route.endpoint == Endpoint::catalog
                                   ? oci::is_repository(route.page_last)
                                   : oci::is_tag(route.page_last);
      if (!route.page_last.empty() && !well_formed) {
        return bad(ErrorCode::name_invalid, "last must be an entry of the list");
      }
      return std::nullopt;
    }
    case Endpoint::start_upload:
    case Endpoint::upload:
      route.digest = text("digest");
      if (query.find("digest") != nullptr && !oci::is_digest(route.digest)) {
        return bad(ErrorCode::digest_invalid,
                   "digest must be sha256: or sha512: and its hexadecimal digits");
      }
      if (route.endpoint == Endpoint::upload) {
        route.upload_state = text("_state");
        route.upload_token = text("_layergate");
        return std::nullopt;
      }
      route.mount = text("mount");
      route.from = text("from");
      if (query.find("mount") != nullptr && !oci::is_digest(route.mount)) {
        return bad(ErrorCode::digest_invalid, "mount must be a digest");
      }
      if (query.find("from") != nullptr && !oci::is_repository(route.from)) {
        return bad(ErrorCode::name_invalid, "from must be a repository's name");
      }
      return std::nullopt;
    case Endpoint::referrers:
      route.artifact_type = text("artifactType");
      route.page_last = text("last");
      if (!route.page_last.empty() && !oci::is_digest(route.page_last)) {
        return bad(ErrorCode::digest_invalid, "last must be a digest");
      }
      return std::nullopt;
    case Endpoint::ping:
    case Endpoint::manifest:
    case Endpoint::blob:
      return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace

std::string_view to_string(Endpoint endpoint) {
  switch (endpoint) {
    case Endpoint::ping:
      return "ping";
    case Endpoint::catalog:
      return "catalog";
    case Endpoint::tags:
      return "tags";
    case Endpoint::manifest:
      return "manifest";
    case Endpoint::blob:
      return "blob";
    case Endpoint::start_upload:
      return "start_upload";
    case Endpoint::upload:
      return "upload";
    case Endpoint::referrers:
      return "referrers";
  }
  return "";
}

std::string Route::image() const {
  if (!tag.empty()) return repository + ":" + tag;
  if (!digest.empty()) return repository + "@" + digest;
  return repository;
}

tl::expected<Route, Refusal> parse_route(Method method, std::string_view path,
                                         std::string_view query_text) {
  if (path == "/v2") path = "/v2/";
  const auto decoded = decode_path(path);
  if (!decoded) {
    return refuse(400, ErrorCode::name_invalid,
                  "a path is not percent-encoded here, but for the colon of a digest");
  }
  if (!decoded->starts_with("/v2/")) return not_found();
  const auto shape = shape_of(std::string_view(*decoded).substr(4));
  if (!shape) return not_found();

  Route route;
  route.endpoint = shape->endpoint;
  route.method = method;
  if (shape->endpoint != Endpoint::ping && shape->endpoint != Endpoint::catalog) {
    if (!oci::is_repository(shape->name)) {
      return refuse(400, ErrorCode::name_invalid,
                    "a repository's name is lower-case letters, digits and single separators");
    }
    route.repository = shape->name;
  }
  switch (shape->endpoint) {
    case Endpoint::manifest:
      if (oci::is_digest(shape->last)) {
        route.digest = shape->last;
      } else if (oci::is_tag(shape->last)) {
        route.tag = shape->last;
      } else if ((method == Method::get || method == Method::head) &&
                 shape->last.find(':') == std::string_view::npos) {
        // Nothing can be there; the specification's conformance suite wants no other answer.
        return refuse(404, ErrorCode::manifest_unknown, "manifest unknown");
      } else {
        return refuse(400,
                      shape->last.find(':') == std::string_view::npos ? ErrorCode::tag_invalid
                                                                      : ErrorCode::digest_invalid,
                      "a reference is a tag, or sha256: or sha512: and its hexadecimal digits");
      }
      break;
    case Endpoint::blob:
    case Endpoint::referrers:
      if (!oci::is_digest(shape->last)) {
        return refuse(400, ErrorCode::digest_invalid,
                      "a digest is sha256: or sha512: and its hexadecimal digits");
      }
      route.digest = shape->last;
      break;
    case Endpoint::upload:
      if (!oci::is_upload_id(shape->last)) {
        return refuse(400, ErrorCode::blob_upload_invalid, "a malformed upload id");
      }
      route.upload_id = shape->last;
      break;
    case Endpoint::ping:
    case Endpoint::catalog:
    case Endpoint::tags:
    case Endpoint::start_upload:
      break;
  }

  const auto methods = methods_of(route.endpoint);
  if (std::find(methods.begin(), methods.end(), method) == methods.end()) {
    Refusal refusal{405, ErrorCode::unsupported, "this resource has no such method", "", 0};
    for (const auto allowed : methods) {
      refusal.allow += (refusal.allow.empty() ? "" : ", ") + std::string(to_string(allowed));
    }
    return Refused(std::move(refusal));
  }
  const auto query = Query::parse(query_text);
  if (!query) {
    return refuse(400, ErrorCode::unsupported,
                  "a malformed query, or a parameter that stands twice");
  }
  if (auto refusal = read_query(route, *query)) return Refused(*std::move(refusal));
  return route;
}

std::string upstream_target(const Route& route) {
  const std::string base = "/v2/" + route.repository;
  std::string query;
  const auto add = [&](std::string_view name, const std::string& value) {
    if (value.empty()) return;
    query += query.empty() ? '?' : '&';
    query += name;
    query += '=';
    query += percent_encode(value);
  };
  switch (route.endpoint) {
    case Endpoint::ping:
      return "/v2/";
    case Endpoint::catalog:
    case Endpoint::tags:
      if (route.page_size >= 0) add("n", std::to_string(route.page_size));
      add("last", route.page_last);
      return (route.endpoint == Endpoint::catalog ? "/v2/_catalog" : base + "/tags/list") + query;
    case Endpoint::manifest:
      return base + "/manifests/" + (route.tag.empty() ? route.digest : route.tag);
    case Endpoint::blob:
      return base + "/blobs/" + route.digest;
    case Endpoint::start_upload:
      add("digest", route.digest);
      add("mount", route.mount);
      add("from", route.from);
      return base + "/blobs/uploads/" + query;
    case Endpoint::upload:
      add("_state", route.upload_state);
      add("digest", route.digest);
      return base + "/blobs/uploads/" + route.upload_id + query;
    case Endpoint::referrers:
      add("artifactType", route.artifact_type);
      add("last", route.page_last);
      return base + "/referrers/" + route.digest + query;
  }
  return "/v2/";
}

}  // namespace layergate::proxy
