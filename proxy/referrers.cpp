#include "proxy/referrers.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace layergate::proxy {

Response list_referrers(const Route& route, const index::Index& facts,
                        const index::Rights& rights) {
  auto manifests = nlohmann::ordered_json::array();
  std::vector<std::pair<std::string, index::NodeId>> shown;
  for (const auto node : rights.referrers(route.repository, route.digest)) {
    shown.emplace_back(facts.digest_of(node), node);
  }
  std::sort(shown.begin(), shown.end());
  for (const auto& [digest, node] : shown) {
    const auto& referrer = *facts.find_referrer(node);
    if (!route.artifact_type.empty() && referrer.artifact_type != route.artifact_type) continue;
    nlohmann::ordered_json descriptor;
    descriptor["mediaType"] = oci::to_string(facts.media_type(node));
    descriptor["digest"] = digest;
    descriptor["size"] = referrer.size;
    if (!referrer.artifact_type.empty()) descriptor["artifactType"] = referrer.artifact_type;
    if (!referrer.annotations.empty()) {
      descriptor["annotations"] = nlohmann::ordered_json::parse(referrer.annotations);
    }
    manifests.push_back(std::move(descriptor));
  }
  nlohmann::ordered_json body;
  body["schemaVersion"] = 2;
  body["mediaType"] = oci::to_string(oci::MediaType::index);
  body["manifests"] = std::move(manifests);
  Response response;
  response.content_type = oci::to_string(oci::MediaType::index);
  if (!route.artifact_type.empty()) {
    response.fields.emplace_back("OCI-Filters-Applied", "artifactType");
  }
  response.body = body.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  return response;
}

}  // namespace layergate::proxy
