// Routes: what is forwarded means to us just what was decided on, whatever was asked, and holds
// nothing that the registry could read in a second way.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "oci/reference.h"
#include "proxy/route.h"

namespace {

namespace oci = layergate::oci;
using namespace layergate::proxy;

void require(bool holds) {
  if (!holds) std::abort();
}

tl::expected<Route, Refusal> parse(Method method, std::string_view target) {
  const auto question = target.find('?');
  return parse_route(method, target.substr(0, question),
                     question == std::string_view::npos ? "" : target.substr(question + 1));
}

bool equal(const Route& a, const Route& b) {
  return a.endpoint == b.endpoint && a.method == b.method && a.repository == b.repository &&
         a.tag == b.tag && a.digest == b.digest && a.upload_id == b.upload_id &&
         a.upload_state == b.upload_state && a.mount == b.mount && a.from == b.from &&
         a.artifact_type == b.artifact_type && a.page_size == b.page_size &&
         a.page_last == b.page_last;
}

void check_grammar(const Route& route) {
  const bool named = route.endpoint != Endpoint::ping && route.endpoint != Endpoint::catalog;
  require(named ? oci::is_repository(route.repository) : route.repository.empty());
  require(route.tag.empty() || oci::is_tag(route.tag));
  require(route.digest.empty() || oci::is_digest(route.digest));
  require(route.mount.empty() || oci::is_digest(route.mount));
  require(route.from.empty() || oci::is_repository(route.from));
  require(route.upload_id.empty() || oci::is_upload_id(route.upload_id));
  require(route.page_size >= -1 && route.page_size <= 10'000);
  if (route.endpoint == Endpoint::manifest) require(route.tag.empty() != route.digest.empty());
  if (route.endpoint == Endpoint::blob || route.endpoint == Endpoint::referrers)
    require(oci::is_digest(route.digest));
  if (route.endpoint == Endpoint::upload) require(oci::is_upload_id(route.upload_id));
}

void check_target(const std::string& target) {
  for (const char c : target) require(c > 0x20 && c < 0x7f && c != '#' && c != '\\' && c != '+');
  const auto question = target.find('?');
  const auto path = target.substr(0, question);
  require(path.starts_with("/v2/") && path.find("//") == std::string::npos);
  require(path.find('%') == std::string::npos && path.find(';') == std::string::npos);
  for (const auto* part : {"/./", "/../"}) require((path + "/").find(part) == std::string::npos);
  if (question == std::string::npos) return;
  // Each parameter once, under its plain name.
  const auto query = "&" + target.substr(question + 1);
  for (const auto* name : {"&mount=", "&from=", "&digest=", "&_state=", "&n=", "&last="}) {
    const auto first = query.find(name);
    if (first != std::string::npos) require(query.find(name, first + 1) == std::string::npos);
  }
  // Ours; a value may well hold the word.
  require(query.find("&_layergate=") == std::string::npos);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  // The first byte chooses the method: '0' is GET.
  const auto method = static_cast<Method>((data[0] + 256 - '0') % 6);
  const std::string_view target(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto route = parse(method, target);
  if (!route) {
    const auto& refusal = route.error();
    require(refusal.status == 400 || refusal.status == 404 || refusal.status == 405);
    require(!refusal.message.empty() && (refusal.status == 405) == !refusal.allow.empty());
    return 0;
  }
  check_grammar(*route);
  const auto forwarded = upstream_target(*route);
  check_target(forwarded);
  const auto again = parse(method, forwarded);
  require(again.has_value() && equal(*again, *route));
  require(upstream_target(*again) == forwarded);
  return 0;
}
