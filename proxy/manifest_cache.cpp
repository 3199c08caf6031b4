#include "proxy/manifest_cache.h"

#include <utility>

namespace layergate::proxy {

// Besides the body: the list's node, the table's, and both heads of the texts.
std::size_t ManifestCache::cost_of(const Entry& entry) {
  constexpr std::size_t kOverhead = 256;
  return entry.digest.size() + entry.body->size() + kOverhead;
}

ManifestCache::Body ManifestCache::find(std::string_view digest) {
  const std::lock_guard lock(mutex_);
  const auto found = by_digest_.find(digest);
  if (found == by_digest_.end()) {
    ++stats_.misses;
    return nullptr;
  }
  ++stats_.hits;
  entries_.splice(entries_.begin(), entries_, found->second);
  return found->second->body;
}

void ManifestCache::fetch(const std::string& repository, const std::string& digest, Done done) {
  // The registry may have it in one repository and not in another.
  const auto key = repository + '\n' + digest;
  {
    const std::lock_guard lock(mutex_);
    auto& waiters = waiting_[key];
    waiters.push_back(std::move(done));
    if (waiters.size() > 1) return;
  }
  fetch_(repository, digest, [this, key, digest](const Fetched& fetched) {
    std::vector<Done> waiters;
    {
      const std::lock_guard lock(mutex_);
      if (fetched.body) put(digest, fetched.body);
      const auto found = waiting_.find(key);
      waiters = std::move(found->second);
      waiting_.erase(found);
    }
    for (const auto& waiter : waiters) waiter(fetched);
  });
}

void ManifestCache::put(const std::string& digest, Body body) {
  if (by_digest_.contains(digest)) return;
  Entry entry{digest, std::move(body)};
  const auto cost = cost_of(entry);
  if (cost > most_) return;
  stats_.bytes += cost;
  entries_.push_front(std::move(entry));
  by_digest_.emplace(entries_.front().digest, entries_.begin());
  while (stats_.bytes > most_) {
    stats_.bytes -= cost_of(entries_.back());
    by_digest_.erase(entries_.back().digest);
    entries_.pop_back();
  }
  stats_.manifests = entries_.size();
}

ManifestCache::Stats ManifestCache::stats() const {
  const std::lock_guard lock(mutex_);
  return stats_;
}

}  // namespace layergate::proxy
