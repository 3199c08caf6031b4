// A hash table from the hash of a thing to its number; what the number stands for is kept
// elsewhere.
//
// Eight bytes a slot, linear probing, at most half full: a thing that is not there mostly costs one
// cache line, and one that is there a second one where it is kept.
#pragma once

#include <bit>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace layergate {

class IdTable {
 public:
  static constexpr std::uint32_t kNone = UINT32_MAX;

  struct Slot {
    std::uint32_t check = 0;
    std::uint32_t id = kNone;
  };

  // The table as it lies in memory, to be kept and taken over again.
  [[nodiscard]] std::span<const Slot> slots() const { return slots_; }

  // Takes over what slots() gave. False, and the table is as it was, if a look into them could not
  // end, or could give a number that is not valid.
  template <typename IsValid>
  [[nodiscard]] bool adopt(std::vector<Slot> slots, IsValid is_valid) {
    std::size_t count = 0;
    for (const Slot& slot : slots) {
      if (slot.id == kNone) continue;
      if (!is_valid(slot.id)) return false;
      ++count;
    }
    if (!slots.empty() && (!std::has_single_bit(slots.size()) || count * 2 > slots.size())) {
      return false;
    }
    slots_ = std::move(slots);
    count_ = count;
    return true;
  }

  // The number with this hash for which is_it(number) holds, or kNone.
  template <typename IsIt>
  [[nodiscard]] std::uint32_t find(std::uint64_t hash, IsIt is_it) const {
    if (slots_.empty()) return kNone;
    const auto check = check_of(hash);
    for (std::size_t at = hash & mask();; at = (at + 1) & mask()) {
      const Slot& slot = slots_[at];
      if (slot.id == kNone) return kNone;
      if (slot.check == check && is_it(slot.id)) return slot.id;
    }
  }

  [[nodiscard]] std::size_t bytes() const { return slots_.capacity() * sizeof(Slot); }

  // The number that find() will probably give, for the hash agrees; or kNone. To be brought into
  // the cache beforehand.
  [[nodiscard]] std::uint32_t likely(std::uint64_t hash) const {
    return find(hash, [](std::uint32_t) { return true; });
  }

  // Brings the slot of a hash that find() will soon be asked for into the cache.
  void prefetch(std::uint64_t hash) const {
    if (!slots_.empty()) __builtin_prefetch(&slots_[hash & mask()]);
  }

  // Makes room for so many. REQUIRES: the table is empty.
  void reserve(std::size_t count) {
    if (count * 2 > slots_.size()) slots_.resize(std::bit_ceil(count * 2 + 2));
  }

  // REQUIRES: the number is in the table with this hash. The hashes of its neighbours are asked
  // for.
  template <typename HashOf>
  void erase(std::uint64_t hash, std::uint32_t id, HashOf hash_of) {
    std::size_t hole = hash & mask();
    while (slots_[hole].id != id) hole = (hole + 1) & mask();
    // What was pushed past the hole moves back into it, so that probing never stops short.
    for (std::size_t at = (hole + 1) & mask(); slots_[at].id != kNone; at = (at + 1) & mask()) {
      const std::size_t home = hash_of(slots_[at].id) & mask();
      if (((at - home) & mask()) < ((at - hole) & mask())) continue;
      slots_[hole] = slots_[at];
      hole = at;
    }
    slots_[hole] = Slot{};
    --count_;
  }

  // Gives each thing the number new_of(number). REQUIRES: they differ, and none is kNone.
  template <typename NewOf>
  void renumber(NewOf new_of) {
    for (Slot& slot : slots_) {
      if (slot.id != kNone) slot.id = new_of(slot.id);
    }
  }

  // REQUIRES: nothing equal is in the table. hash_of(number) is asked for all when the table grows.
  template <typename HashOf>
  void insert(std::uint64_t hash, std::uint32_t id, HashOf hash_of) {
    if ((count_ + 1) * 2 > slots_.size()) {
      std::vector<Slot> old(slots_.empty() ? 16 : slots_.size() * 2);
      old.swap(slots_);
      for (const Slot& slot : old) {
        if (slot.id != kNone) put(hash_of(slot.id), slot.id);
      }
    }
    put(hash, id);
    ++count_;
  }

 private:
  static std::uint32_t check_of(std::uint64_t hash) {
    return static_cast<std::uint32_t>(hash >> 32);
  }
  [[nodiscard]] std::size_t mask() const { return slots_.size() - 1; }

  void put(std::uint64_t hash, std::uint32_t id) {
    std::size_t at = hash & mask();
    while (slots_[at].id != kNone) at = (at + 1) & mask();
    slots_[at] = {check_of(hash), id};
  }

  std::vector<Slot> slots_;  // a power of two
  std::size_t count_ = 0;
};

// Spreads an FNV sum, or any number, over all 64 bits (the finisher of MurmurHash3).
constexpr std::uint64_t mix(std::uint64_t value) {
  value ^= value >> 33;
  value *= 0xff51afd7ed558ccdULL;
  value ^= value >> 33;
  value *= 0xc4ceb9fe1a85ec53ULL;
  value ^= value >> 33;
  return value;
}

// FNV-1a, which grows a character at a time: the hash of each prefix of a text falls out on the
// way.
class RunningHash {
 public:
  constexpr void add(char c) {
    sum_ ^= static_cast<unsigned char>(c);
    sum_ *= 0x100000001b3ULL;
  }
  [[nodiscard]] constexpr std::uint64_t value() const { return mix(sum_); }

 private:
  std::uint64_t sum_ = 0xcbf29ce484222325ULL;
};

}  // namespace layergate
