// Which credentials were right, and where they were used.
//
// Bounded: the one unused for longest goes. Only right credentials get in, so nobody without an
// account can push another's out.
//
// Thread safety: all members may be called from any thread; sharded, each shard under a lock of its
// own for the time of a hash table's step.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include "auth/keyed_hash.h"

namespace layergate::auth {

using TimePoint = std::chrono::steady_clock::time_point;

class VerifiedCache {
 public:
  struct Found {
    bool fresh;      // its time to live has not passed
    bool from_here;  // it was right from this network before
  };

  // Holds at least one entry, and up to 15 fewer than `entries` (it is cut into equal shards).
  VerifiedCache(std::size_t entries, std::chrono::seconds time_to_live);

  std::optional<Found> find(const KeyedHash& credential, std::uint64_t network, TimePoint now);
  // The credential was right at `now`.
  void put(const KeyedHash& credential, TimePoint now);
  // It was used from this network, by somebody who knows it. The last eight networks are kept;
  // nothing happens if the credential has gone.
  void note_network(const KeyedHash& credential, std::uint64_t network);

  [[nodiscard]] std::size_t size() const;

 private:
  static constexpr std::size_t kNetworks = 8;

  struct Entry {
    KeyedHash credential{};
    TimePoint fresh_until;
    std::array<std::uint64_t, kNetworks> networks{};
    std::uint8_t count = 0;  // of networks in use
    std::uint8_t next = 0;   // the one to be overwritten

    [[nodiscard]] bool knows(std::uint64_t network) const;
  };
  struct Shard {
    mutable std::mutex mutex;
    std::list<Entry> entries;  // the last used first
    std::unordered_map<KeyedHash, std::list<Entry>::iterator, KeyedHashHasher> index;
  };

  Shard& shard_of(const KeyedHash& credential);

  std::chrono::seconds time_to_live_;
  std::size_t shard_entries_;
  std::vector<Shard> shards_;
};

}  // namespace layergate::auth
