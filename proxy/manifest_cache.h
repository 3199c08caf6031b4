// Manifests in memory, by digest: what a digest names never changes, so what is here is right for
// ever, in every repository. Whether somebody may read it was decided before, by the index and the
// policy; nothing here knows of either.
//
// What is not here is fetched from the registry once, however many ask for it at the same time, and
// is kept only if its bytes have the digest.
//
// Thread safety: all public members may be called from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "index/keeper.h"

namespace layergate::proxy {

class ManifestCache {
 public:
  using Body = std::shared_ptr<const std::string>;
  using Fetched = index::Keeper::Fetched;
  using Done = std::function<void(Fetched)>;
  // Asks the registry for a manifest of a repository; answers once, from any thread.
  using Fetch = std::function<void(std::string repository, std::string digest, Done done)>;

  // Of at most `most` bytes, the oldest use goes first; 0: nothing is kept.
  ManifestCache(std::size_t most, Fetch fetch) : most_(most), fetch_(std::move(fetch)) {}

  [[nodiscard]] bool is_on() const { return most_ > 0; }
  // nullptr if it is not here.
  [[nodiscard]] Body find(std::string_view digest);
  // From the registry, and into the cache. `done` may be called before this returns.
  void fetch(const std::string& repository, const std::string& digest, Done done);

  struct Stats {
    std::uint64_t hits = 0;
    std::uint64_t misses = 0;
    std::size_t manifests = 0;
    std::size_t bytes = 0;
  };
  [[nodiscard]] Stats stats() const;

 private:
  struct Entry {
    std::string digest;
    Body body;
  };

  void put(const std::string& digest, Body body);
  static std::size_t cost_of(const Entry& entry);

  const std::size_t most_;
  const Fetch fetch_;

  mutable std::mutex mutex_;
  std::list<Entry> entries_;  // the latest use first; guarded by mutex_, as is all below
  std::unordered_map<std::string_view, std::list<Entry>::iterator> by_digest_;
  std::unordered_map<std::string, std::vector<Done>> waiting_;  // by repository and digest
  Stats stats_;
};

}  // namespace layergate::proxy
