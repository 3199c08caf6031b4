// What the index is told of manifests, tags and possessions: the same whether it comes from a push,
// from the upstream or from the disk.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "oci/manifest.h"

namespace layergate::index {

// Wall time in whole seconds.
using Seconds = std::chrono::sys_seconds;
// From seconds since 1970, as times are kept.
inline Seconds time_of(std::int64_t seconds) { return Seconds(std::chrono::seconds(seconds)); }

// How a manifest names something.
enum class Link : std::uint8_t {
  child,    // an index its manifests; only what was PUT as a manifest ever becomes one
  blob,     // config and layers
  subject,  // what it speaks of: reach goes the other way, from the subject to the referrer
};

struct NamedDigest {
  Link link = Link::blob;
  std::string digest;

  bool operator==(const NamedDigest& other) const = default;
  auto operator<=>(const NamedDigest& other) const = default;
};

// Who put a referrer, and whence. An empty account: it was found in the upstream.
struct Putter {
  std::string account;
  std::string address;

  bool operator==(const Putter& other) const = default;
};

struct ManifestRecord {
  std::string digest;
  oci::MediaType type = oci::MediaType::image;
  std::uint64_t size = 0;  // bytes
  // Sorted, each once. What was absent when the manifest was checked is not among them, so that it
  // becomes no reach when it comes later.
  std::vector<NamedDigest> links;
  // Only of those with a subject:
  std::string artifact_type;
  std::string annotations;  // JSON, or empty
  std::vector<Putter> putters;

  [[nodiscard]] const std::string* subject() const;  // or nullptr
};

ManifestRecord record_of(const oci::Manifest& manifest, std::string digest, std::uint64_t size);

struct TagRecord {
  std::string name;
  std::string digest;
  std::string account;  // who pushed it last; empty if it was found in the upstream
  Seconds at{};
};

// Who an account is: the same name with another `since` is somebody else (acl::Policy::since).
struct AccountRecord {
  std::string name;
  WallTime since{};
};

// As which of the two an account brought something to a repository.
enum class Held : std::uint8_t { blob, manifest };
inline constexpr std::array kHelds{Held::blob, Held::manifest};

// What an account brought, and by Held: when it came, or when a tag was last known to reach it.
struct PossessionRecord {
  static constexpr Seconds kNever{};  // it did not come as this
  // It lapsed, and a tag came to reach it afterwards, which must not revive it. That the bytes came
  // stays true.
  static constexpr Seconds kEnded{std::chrono::seconds{1}};

  std::string account;
  std::array<Seconds, kHelds.size()> at{};

  [[nodiscard]] Seconds when(Held as) const { return at[static_cast<std::size_t>(as)]; }
};

}  // namespace layergate::index
