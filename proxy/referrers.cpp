#include "proxy/referrers.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace layergate::proxy {
namespace {

constexpr std::size_t kPage = 1U << 20U;  // bytes of descriptors

}  // namespace

Response list_referrers(const Route& route, const index::Index& facts,
                        const index::Rights& rights) {
  std::vector<std::pair<std::string, index::NodeId>> shown;
  for (const auto node : rights.referrers(route.repository, route.digest)) {
    auto digest = facts.digest_of(node);
    if (digest > route.page_last) shown.emplace_back(std::move(digest), node);
  }
  std::sort(shown.begin(), shown.end());
  Response response;
  response.content_type = oci::to_string(oci::MediaType::index);
  if (!route.artifact_type.empty()) {
    response.fields.emplace_back("OCI-Filters-Applied", "artifactType");
  }
  std::string list;
  std::string last;
  for (const auto& [digest, node] : shown) {
    const auto& referrer = *facts.find_referrer(node);
    if (!route.artifact_type.empty() && referrer.artifact_type != route.artifact_type) continue;
    if (list.size() > kPage) {
      auto next = route;
      next.page_last = last;
      response.fields.emplace_back("Link", "<" + upstream_target(next) + ">; rel=\"next\"");
      break;
    }
    nlohmann::ordered_json descriptor;
    descriptor["mediaType"] = oci::to_string(facts.media_type(node));
    descriptor["digest"] = digest;
    descriptor["size"] = referrer.size;
    if (!referrer.artifact_type.empty()) descriptor["artifactType"] = referrer.artifact_type;
    auto text = descriptor.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
    // As they were written by the same library when the manifest was read.
    if (!referrer.annotations.empty()) {
      text.pop_back();
      text += ",\"annotations\":" + referrer.annotations + "}";
    }
    list += (list.empty() ? "" : ",") + text;
    last = digest;
  }
  response.body = "{\"schemaVersion\":2,\"mediaType\":\"" +
                  std::string(oci::to_string(oci::MediaType::index)) + "\",\"manifests\":[" + list +
                  "]}";
  return response;
}

}  // namespace layergate::proxy
