// Manifests: what parses names valid digests only, within the caps, is either image or index, and
// says the same each time; the index gives back what it was told of it.
//
// The first byte of an input chooses the Content-Type: '0' to '3' are the four that are taken.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "index/index.h"
#include "index/record.h"
#include "oci/digest.h"
#include "oci/manifest.h"
#include "oci/reference.h"

namespace {

using namespace layergate;
using oci::Descriptor;
using oci::Manifest;
using oci::MediaType;

void require(bool holds) {
  if (!holds) std::abort();
}

constexpr MediaType kTypes[] = {MediaType::image, MediaType::index, MediaType::docker_image,
                                MediaType::docker_list};

bool equal(const std::vector<Descriptor>& a, const std::vector<Descriptor>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const Descriptor& x, const Descriptor& y) {
                      return x.digest == y.digest && x.has_urls == y.has_urls;
                    });
}

bool equal(const Manifest& a, const Manifest& b) {
  return a.type == b.type && equal(a.blobs, b.blobs) && equal(a.manifests, b.manifests) &&
         a.subject == b.subject && a.artifact_type == b.artifact_type &&
         a.annotations == b.annotations;
}

void check_manifest(const Manifest& manifest, MediaType type) {
  require(manifest.type == type);
  if (oci::is_index(type)) {
    require(manifest.blobs.empty());
  } else {
    require(manifest.manifests.empty() && !manifest.blobs.empty());
  }
  require(manifest.manifests.size() <= oci::kMostDescriptors);
  require(manifest.blobs.size() <= oci::kMostDescriptors + 1);
  for (const auto& each : manifest.manifests) require(oci::is_digest(each.digest));
  for (const auto& each : manifest.blobs) require(oci::is_digest(each.digest));
  require(manifest.subject.empty() || oci::is_digest(manifest.subject));
  if (!manifest.annotations.empty()) {
    require(nlohmann::json::parse(manifest.annotations, nullptr, false).is_object());
  }
}

void check_record(const index::ManifestRecord& record, const Manifest& manifest) {
  const auto& links = record.links;
  require(std::is_sorted(links.begin(), links.end()));
  require(std::adjacent_find(links.begin(), links.end()) == links.end());
  const auto names = [&](index::Link link, const std::string& digest) {
    return std::binary_search(links.begin(), links.end(), index::NamedDigest{link, digest});
  };
  for (const auto& each : manifest.manifests) require(names(index::Link::child, each.digest));
  for (const auto& each : manifest.blobs) require(names(index::Link::blob, each.digest));
  require((record.subject() == nullptr) == manifest.subject.empty());
  if (record.subject() != nullptr) require(*record.subject() == manifest.subject);
  require(links.size() <= manifest.manifests.size() + manifest.blobs.size() + 1);
}

void check_index(const index::ManifestRecord& record) {
  index::Index facts{index::Index::Options{}};
  for (int i = 0; i < 2; ++i) {
    facts.add_manifest("r", record, {});
    const auto* in = facts.find_repository("r");
    require(in != nullptr);
    const auto node = facts.find(*in, record.digest);
    require(node != index::kNone && facts.is_manifest(node));
    const auto again = facts.record_of(node);
    require(again.digest == record.digest && again.type == record.type &&
            again.links == record.links && again.artifact_type == record.artifact_type &&
            again.annotations == record.annotations);
  }
  facts.remove_manifest("r", record.digest, index::Seconds{});
  require(facts.stats().nodes == 0 && facts.stats().links == 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto choice = static_cast<std::size_t>(data[0] - '0');
  if (choice >= std::size(kTypes)) {
    require(!oci::parse_manifest(std::string_view(reinterpret_cast<const char*>(data), 1), text));
    return 0;
  }
  const auto type = kTypes[choice];
  const auto manifest = oci::parse_manifest(oci::to_string(type), text);
  if (!manifest) {
    require(!manifest.error().empty() && manifest.error().find('\n') == std::string::npos);
    return 0;
  }
  check_manifest(*manifest, type);
  const auto longer = std::string(text) + (size < oci::kLargestManifest ? "\n" : "");
  const auto again = oci::parse_manifest(oci::to_string(type), longer);
  require(again.has_value() && equal(*again, *manifest));
  // Image and index at once it is to nobody (CVE-2021-41190).
  for (const auto other : kTypes) {
    if (oci::is_index(other) == oci::is_index(type)) continue;
    require(!oci::parse_manifest(oci::to_string(other), text));
  }
  const auto record = index::record_of(*manifest, oci::sha256_of(text), text.size());
  check_record(record, *manifest);
  if (record.links.size() < 200) check_index(record);
  return 0;
}
