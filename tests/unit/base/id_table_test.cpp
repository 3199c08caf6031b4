#include "base/id_table.h"

#include <random>
#include <unordered_map>
#include <vector>

#include <doctest/doctest.h>

namespace layergate {
namespace {

using HashOf = std::uint64_t (*)(std::uint32_t);

// Numbers and whether they are in, beside the table.
class Both {
 public:
  explicit Both(HashOf hash_of) : hash_of_(hash_of) {}

  void insert(std::uint32_t id) {
    REQUIRE(known_.emplace(id, true).second);
    table_.insert(hash_of_(id), id, hash_of_);
  }
  void erase(std::uint32_t id) {
    REQUIRE(known_.erase(id) == 1);
    table_.erase(hash_of_(id), id, hash_of_);
  }
  [[nodiscard]] bool has(std::uint32_t id) const { return known_.contains(id); }
  [[nodiscard]] std::size_t size() const { return known_.size(); }
  [[nodiscard]] std::size_t bytes() const { return table_.bytes(); }
  [[nodiscard]] std::uint32_t find(std::uint32_t id) const {
    return table_.find(hash_of_(id), [&](std::uint32_t candidate) { return candidate == id; });
  }
  // Whether both answer the same for each number below `bound`.
  [[nodiscard]] bool agree(std::uint32_t bound) const {
    for (std::uint32_t id = 0; id < bound; ++id) {
      if (find(id) != (has(id) ? id : IdTable::kNone)) return false;
    }
    return true;
  }

 private:
  HashOf hash_of_;
  IdTable table_;
  std::unordered_map<std::uint32_t, bool> known_;
};

std::uint64_t spread(std::uint32_t id) { return mix(id + 1); }
std::uint64_t all_the_same(std::uint32_t /*id*/) { return 5; }
// Few homes, at the table's end too: long runs that wrap around.
std::uint64_t crowded(std::uint32_t id) {
  return (std::uint64_t{id} << 32U) | (0xfffffffcU + id % 6);
}
// The same home and check for pairs.
std::uint64_t paired(std::uint32_t id) { return mix(id / 2); }
std::uint64_t in_order(std::uint32_t id) { return id; }

}  // namespace

TEST_CASE("id table: an empty one finds nothing") {
  const IdTable table;
  CHECK(table.find(0, [](std::uint32_t) { return true; }) == IdTable::kNone);
  CHECK(table.bytes() == 0);
}

TEST_CASE("id table: random changes against a map, whatever the hashes") {
  constexpr std::uint32_t kBound = 300;
  const HashOf kHashes[] = {spread, all_the_same, crowded, paired, in_order};
  for (const auto hash_of : kHashes) {
    for (unsigned seed = 1; seed <= 4; ++seed) {
      CAPTURE(seed);
      std::mt19937 random(seed);
      Both both(hash_of);
      for (int step = 0; step < 4000; ++step) {
        // Grows, shrinks and grows again.
        const bool growing = step / 1000 % 2 == 0;
        const auto id = static_cast<std::uint32_t>(random() % kBound);
        if (both.has(id) && (!growing || random() % 4 == 0)) {
          both.erase(id);
        } else if (!both.has(id) && (growing || random() % 4 == 0)) {
          both.insert(id);
        }
        if (step % 50 == 0) REQUIRE(both.agree(kBound));
      }
      REQUIRE(both.agree(kBound));
      for (std::uint32_t id = 0; id < kBound; ++id) {
        if (both.has(id)) both.erase(id);
      }
      CHECK(both.size() == 0);
      CHECK(both.agree(kBound));
    }
  }
}

TEST_CASE("id table: what is erased makes room") {
  Both both(spread);
  for (std::uint32_t id = 0; id < 100; ++id) both.insert(id);
  const auto bytes = both.bytes();
  for (int round = 0; round < 100; ++round) {
    for (std::uint32_t id = 0; id < 100; ++id) both.erase(id);
    for (std::uint32_t id = 0; id < 100; ++id) both.insert(id);
  }
  CHECK(both.bytes() == bytes);
  CHECK(both.agree(200));
}

}  // namespace layergate
