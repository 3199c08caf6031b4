// Rows on their way to the disk, in the order in which they came, and no more than fit.
//
// When many come at once, equal requests become one row that says how many they were: a client that
// asks for one manifest a million times then costs a few rows, and none is lost.
//
// Thread safety: none of its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <unordered_map>
#include <vector>

#include "records/row.h"

namespace layergate::records {

class WaitingRows {
 public:
  struct Limits {
    std::size_t most = 0;        // rows
    std::size_t merge_from = 0;  // so many may wait one by one
  };

  explicit WaitingRows(const Limits& limits) : limits_(limits) {}

  // False: there is no room.
  bool push(Row row);
  // The `count` oldest, or all.
  std::vector<Row> take(std::size_t count);
  // What was taken, and could not be written. There is room for as many again as for push(); how
  // many requests the newest rows stood for that had to go all the same.
  std::uint64_t put_back(std::vector<Row> rows);

  [[nodiscard]] std::size_t size() const { return rows_.size(); }
  [[nodiscard]] bool empty() const { return rows_.empty(); }

 private:
  struct Waiting {
    Row row;
    WallTime since{};                  // of its first request
    const std::string* key = nullptr;  // in equals_, if more of the same may be added to it
  };

  const Limits limits_;
  std::deque<Waiting> rows_;
  std::unordered_map<std::string, Waiting*> equals_;  // by what they say
};

}  // namespace layergate::records
