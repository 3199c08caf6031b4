#include "index/catalog_page.h"

#include <nlohmann/json.hpp>

#include "oci/reference.h"

namespace layergate::index {

std::string catalog_target(const std::string& last) {
  return "/v2/_catalog?n=1000" + (last.empty() ? "" : "&last=" + last);
}

std::optional<CatalogPage> read_catalog_page(const UpstreamAnswer& answer, const std::string& last,
                                             std::string& problem) {
  const auto json = nlohmann::json::parse(answer.body, nullptr, false);
  if (answer.status != 200 || !json.is_object() || !json.contains("repositories") ||
      !json["repositories"].is_array()) {
    problem = "the registry cannot tell which repositories it holds: " +
              (answer.status == 200 ? "its list cannot be read" : answer.why_not());
    return std::nullopt;
  }
  CatalogPage page;
  std::string end = last;
  for (const auto& entry : json["repositories"]) {
    if (!entry.is_string()) continue;
    end = entry.get<std::string>();
    if (oci::is_repository(end)) page.repositories.push_back(end);
  }
  if (!answer.link.empty() && end != last) page.next = end;
  return page;
}

}  // namespace layergate::index
