#include "index/record.h"

#include <algorithm>
#include <utility>

namespace layergate::index {

const std::string* ManifestRecord::subject() const {
  const auto found = std::find_if(links.begin(), links.end(), [](const NamedDigest& named) {
    return named.link == Link::subject;
  });
  return found == links.end() ? nullptr : &found->digest;
}

ManifestRecord record_of(const oci::Manifest& manifest, std::string digest, std::uint64_t size) {
  ManifestRecord record;
  record.digest = std::move(digest);
  record.type = manifest.type;
  record.size = size;
  for (const auto& child : manifest.manifests) {
    record.links.push_back({Link::child, child.digest});
  }
  for (const auto& blob : manifest.blobs) record.links.push_back({Link::blob, blob.digest});
  if (!manifest.subject.empty()) {
    record.links.push_back({Link::subject, manifest.subject});
    record.artifact_type = manifest.artifact_type;
    // They are kept in memory and handed out whole; what was pushed is within the limit.
    if (manifest.annotations.size() <= oci::kLargestAnnotations) {
      record.annotations = manifest.annotations;
    }
  }
  std::sort(record.links.begin(), record.links.end());
  record.links.erase(std::unique(record.links.begin(), record.links.end()), record.links.end());
  return record;
}

}  // namespace layergate::index
