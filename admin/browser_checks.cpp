#include "admin/browser_checks.h"

#include <algorithm>
#include <string_view>

#include "api/problem.h"
#include "base/address.h"
#include "proxy/http.h"

namespace layergate::admin {
namespace {

// The host of "host:port" or "[v6]:port", in lower case and without the brackets; empty if it is
// none.
std::string host_of(std::string_view field) {
  std::string_view host = field;
  std::string_view port;
  const auto bracket = field.starts_with('[') ? field.find(']') : 0;
  if (bracket == std::string_view::npos) return "";
  if (const auto colon = field.find(':', bracket); colon != std::string_view::npos) {
    host = field.substr(0, colon);
    port = field.substr(colon + 1);
  }
  if (!std::all_of(port.begin(), port.end(), [](char c) { return c >= '0' && c <= '9'; }))
    return "";
  if (bracket > 0) {
    if (host.size() != bracket + 1) return "";
    host = host.substr(1, bracket - 1);
    if (host.find(':') == std::string_view::npos) return "";
  }
  std::string lower(host);
  for (auto& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

// "https://gate.example:8443" is of this Host.
bool is_same_origin(std::string_view origin, std::string_view host) {
  const auto authority = origin.find("://");
  return authority != std::string_view::npos && proxy::iequals(origin.substr(authority + 3), host);
}

}  // namespace

std::optional<api::Reply> refuse_host(const Request& request,
                                      const std::vector<std::string>& names) {
  const auto* field = request.field("Host");
  const auto host = field == nullptr ? "" : host_of(*field);
  if (host.empty()) return api::usage("the field Host is missing or malformed");
  if (IpAddress::parse(host) || host == "localhost" ||
      std::find(names.begin(), names.end(), host) != names.end()) {
    return std::nullopt;
  }
  return api::problem(421, "denied",
                      "this gate is not known by the name in Host: ask by its IP address, or add "
                      "the name to admin.names in layergate.yml");
}

std::optional<api::Reply> refuse_foreign_page(const Request& request) {
  const auto* site = request.field("Sec-Fetch-Site");
  if (site != nullptr && *site != "same-origin" && *site != "none") {
    return api::denied("pages of other sites may not ask here");
  }
  if (!request.is_change()) return std::nullopt;
  const auto* origin = request.field("Origin");
  const auto* host = request.field("Host");
  if (origin != nullptr && (host == nullptr || !is_same_origin(*origin, *host))) {
    return api::denied("pages of other sites may not change anything here");
  }
  if (request.field("X-Layergate-Request") == nullptr && request.field("X-CSRF-Token") == nullptr) {
    return api::denied(
        "a change needs the field \"X-Layergate-Request: 1\", which pages of other sites cannot "
        "send");
  }
  return std::nullopt;
}

}  // namespace layergate::admin
