// Facts for an index, in short form: a digest is that of a word, so "app" names one.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include <doctest/doctest.h>

#include "index/index.h"
#include "index/record.h"
#include "oci/digest.h"
#include "tests/unit/acl/policy_text.h"

namespace layergate::index {

inline const Seconds kNow = std::chrono::floor<std::chrono::seconds>(acl::kTestNow);

using Words = std::initializer_list<std::string_view>;

inline std::string digest_of(std::string_view word) { return oci::sha256_of(word); }

// A sha512 digest, as well-formed as any.
inline std::string long_digest_of(std::string_view word) {
  const auto hex = digest_of(word).substr(7);
  return "sha512:" + hex + hex;
}

// The tag that speaks of a manifest: "sha256-<hex>.sig".
inline std::string fallback_tag(std::string_view word, std::string_view suffix = ".sig") {
  return "sha256-" + digest_of(word).substr(7) + std::string(suffix);
}

inline ManifestRecord image(std::string_view word, Words blobs) {
  oci::Manifest manifest;
  for (const auto blob : blobs) manifest.blobs.push_back({digest_of(blob), false});
  return record_of(manifest, digest_of(word), 100);
}

inline ManifestRecord image_index(std::string_view word, Words children) {
  oci::Manifest manifest;
  manifest.type = oci::MediaType::index;
  for (const auto child : children) manifest.manifests.push_back({digest_of(child), false});
  return record_of(manifest, digest_of(word), 100);
}

// An image with a subject. No account: it was found in the upstream.
inline ManifestRecord referrer(std::string_view word, std::string_view subject,
                               std::string_view account, Words blobs = {}) {
  oci::Manifest manifest;
  manifest.subject = digest_of(subject);
  for (const auto blob : blobs) manifest.blobs.push_back({digest_of(blob), false});
  auto record = record_of(manifest, digest_of(word), 100);
  record.putters = {{std::string(account), account.empty() ? "" : "10.0.0.1"}};
  return record;
}

// The tag at a manifest of that word.
inline TagRecord tag(std::string_view name, std::string_view word, std::string_view account = "") {
  return {std::string(name), digest_of(word), std::string(account), kNow};
}

inline NodeId node_of(const Index& index, std::string_view repository, std::string_view digest) {
  const auto* in = index.find_repository(repository);
  return in == nullptr ? kNone : index.find(*in, digest);
}

}  // namespace layergate::index
