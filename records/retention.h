// Removes rows that are older than they are kept, the oldest first and a few at a time, so that
// nobody waits for it.
//
// How far it is going to remove is a row of the chain itself, written before: `audit verify` tells
// it from a removal by somebody else.
//
// Thread safety: belongs to the ledger's thread.
#pragma once

#include <chrono>
#include <cstdint>

#include "records/ledger.h"

namespace layergate::records {

inline constexpr std::string_view kRemovalAction = "records.remove";
// Up to which row such a row says that it was removed; 0 if it says nothing.
std::int64_t announced_row(const Row& row);

class Retention {
 public:
  // The ledger must outlive this.
  Retention(Ledger& ledger, std::chrono::seconds keep) : ledger_(ledger), keep_(keep) {}

  // One step of some ms. False: there is nothing left to remove at this time. Throws
  // std::exception.
  bool step(WallTime now);

 private:
  bool announce(WallTime now);
  void remove_sums(WallTime now);
  bool remove_texts();

  Ledger& ledger_;
  const std::chrono::seconds keep_;
  std::int64_t until_ = 0;       // announced, and not all removed
  std::int64_t texts_from_ = 0;  // how far the texts were looked at
  std::int64_t texts_day_ = 0;   // the day on which they were
};

}  // namespace layergate::records
