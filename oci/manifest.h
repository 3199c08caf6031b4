// What a manifest names (OCI image specification 1.1, "Image Manifest" and "Image Index"; Docker
// image manifest version 2, schema 2).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tl/expected.hpp>

namespace layergate::oci {

// The forms that are taken. Everything else is refused: a form that is not understood may name
// anything.
enum class MediaType : std::uint8_t { image, index, docker_image, docker_list };

std::optional<MediaType> parse_media_type(std::string_view text);
std::string_view to_string(MediaType type);
// All of them, as an Accept field wants it.
std::string_view every_media_type();
inline bool is_index(MediaType type) {
  return type == MediaType::index || type == MediaType::docker_list;
}

struct Descriptor {
  std::string digest;
  bool has_urls = false;  // may lie elsewhere, so that a registry takes it though it has it not
};

struct Manifest {
  MediaType type = MediaType::image;
  std::vector<Descriptor> blobs;      // config and layers
  std::vector<Descriptor> manifests;  // of an index
  std::string subject;                // digest, or empty
  std::string artifact_type;          // or, where there is none, the media type of the config
  std::string annotations;            // as a JSON object, or empty
};

inline constexpr std::size_t kLargestManifest = 4U << 20U;      // bytes; CVE-2017-11468
inline constexpr std::size_t kMostDescriptors = 2'000;          // in one list of a manifest
inline constexpr std::size_t kLargestAnnotations = 64U << 10U;  // bytes; of what has a subject

// Reads a manifest. `content_type` is what the client or the registry called it; the document's own
// mediaType must agree, and no document may be image and index at once (CVE-2021-41190). Keys that
// stand twice are refused, and keys that differ from known ones in case only, because the
// registry's parser takes those too. The error is a sentence for the client.
tl::expected<Manifest, std::string> parse_manifest(std::string_view content_type,
                                                   std::string_view text);

}  // namespace layergate::oci
