#include "auth/verified_cache.h"

#include <algorithm>

namespace layergate::auth {
namespace {

std::size_t shards_for(std::size_t entries) { return entries < 1024 ? 1 : 16; }

}  // namespace

VerifiedCache::VerifiedCache(std::size_t entries, std::chrono::seconds time_to_live)
    : time_to_live_(time_to_live),
      shard_entries_(std::max<std::size_t>(entries / shards_for(entries), 1)),
      shards_(shards_for(entries)) {}

bool VerifiedCache::Entry::knows(std::uint64_t network) const {
  return std::find(networks.begin(), networks.begin() + count, network) != networks.begin() + count;
}

VerifiedCache::Shard& VerifiedCache::shard_of(const KeyedHash& credential) {
  // Not a byte that the shard's own table reads.
  return shards_[credential.back() % shards_.size()];
}

std::optional<VerifiedCache::Found> VerifiedCache::find(const KeyedHash& credential,
                                                        std::uint64_t network, TimePoint now) {
  auto& shard = shard_of(credential);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.index.find(credential);
  if (found == shard.index.end()) return std::nullopt;
  const auto entry = found->second;
  shard.entries.splice(shard.entries.begin(), shard.entries, entry);
  return Found{now < entry->fresh_until, entry->knows(network)};
}

void VerifiedCache::put(const KeyedHash& credential, TimePoint now) {
  auto& shard = shard_of(credential);
  const std::lock_guard lock(shard.mutex);
  if (const auto found = shard.index.find(credential); found != shard.index.end()) {
    found->second->fresh_until = now + time_to_live_;
    shard.entries.splice(shard.entries.begin(), shard.entries, found->second);
    return;
  }
  if (shard.entries.size() >= shard_entries_) {
    shard.index.erase(shard.entries.back().credential);
    shard.entries.pop_back();
  }
  shard.entries.push_front({credential, now + time_to_live_});
  shard.index.emplace(credential, shard.entries.begin());
}

void VerifiedCache::note_network(const KeyedHash& credential, std::uint64_t network) {
  auto& shard = shard_of(credential);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.index.find(credential);
  if (found == shard.index.end()) return;
  auto& entry = *found->second;
  if (entry.knows(network)) return;
  entry.networks[entry.next] = network;
  entry.next = static_cast<std::uint8_t>((entry.next + 1) % kNetworks);
  if (entry.count < kNetworks) ++entry.count;
}

std::size_t VerifiedCache::size() const {
  std::size_t sum = 0;
  for (const auto& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    sum += shard.entries.size();
  }
  return sum;
}

}  // namespace layergate::auth
