#include "catalog/image_size.h"

#include <limits>

#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "oci/reference.h"

namespace layergate::catalog {
namespace {

using Json = nlohmann::json;

constexpr std::uint64_t kLargest = std::numeric_limits<std::int64_t>::max();

std::string text_at(const Json& map, const char* key) {
  const auto found = map.find(key);
  return found != map.end() && found->is_string() ? found->get<std::string>() : "";
}

// Nothing if a size is missing or the sum is none that can be.
std::optional<std::uint64_t> plus(std::optional<std::uint64_t> sum, const Json& descriptor) {
  if (!sum || !descriptor.is_object()) return std::nullopt;
  const auto size = descriptor.find("size");
  if (size == descriptor.end() || !size->is_number_unsigned()) return std::nullopt;
  const auto bytes = size->get<std::uint64_t>();
  if (bytes > kLargest - *sum) return std::nullopt;
  return *sum + bytes;
}

}  // namespace

Outline outline_of(std::string_view manifest) {
  Outline outline;
  const auto json = Json::parse(manifest, nullptr, false);
  if (!json.is_object()) return outline;
  if (const auto below = json.find("manifests"); below != json.end() && below->is_array()) {
    for (const auto& descriptor : *below) {
      if (!descriptor.is_object()) continue;
      auto digest = text_at(descriptor, "digest");
      if (oci::is_digest(digest)) outline.manifests.push_back(std::move(digest));
    }
    return outline;
  }
  const auto config = json.find("config");
  const auto layers = json.find("layers");
  if (config == json.end() || !config->is_object() || layers == json.end() || !layers->is_array()) {
    return outline;
  }
  outline.size = plus(0, *config);
  for (const auto& layer : *layers) outline.size = plus(outline.size, layer);
  auto digest = text_at(*config, "digest");
  // An artifact's config is its own affair.
  const auto type = text_at(*config, "mediaType");
  const bool is_image = type == "application/vnd.oci.image.config.v1+json" ||
                        type == "application/vnd.docker.container.image.v1+json";
  if (is_image && oci::is_digest(digest)) outline.config = std::move(digest);
  return outline;
}

std::string created_of(std::string_view config) {
  const auto json = Json::parse(config, nullptr, false);
  if (!json.is_object()) return "";
  auto created = text_at(json, "created");
  return parse_time(created) ? created : "";
}

}  // namespace layergate::catalog
