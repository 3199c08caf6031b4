// Possessions as they lie in index.db, read ahead by a thread of its own: of a large index they are
// most of what is read, and meanwhile the index is filled with all the rest.
//
// Thread safety: belongs to one thread.
#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <array>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "index/record.h"
#include "oci/digest.h"

namespace layergate::index {

class PossessionReader {
 public:
  struct Row {
    std::int64_t repository;  // the table's number
    oci::Digest digest;
    std::int64_t account;  // the table's number
    std::array<Seconds, kHelds.size()> at;
  };

  // Of what next() returns, so many are read ahead: 96 MiB, until the index is filled.
  static constexpr std::size_t kMostAhead = 1024;

  // Begins to read, through this connection: of all repositories or of one, by the table's number.
  explicit PossessionReader(SQLite::Database database, std::optional<std::int64_t> only = {},
                            std::size_t most_ahead = kMostAhead);
  // Also before the end.
  ~PossessionReader();
  PossessionReader(const PossessionReader&) = delete;
  PossessionReader& operator=(const PossessionReader&) = delete;

  // The next ones, waited for, in the order of their repositories; empty at the end. Throws what
  // reading threw.
  std::vector<Row> next();

 private:
  void read();
  // Whether it is wanted.
  bool put(std::vector<Row> rows);

  const std::optional<std::int64_t> only_;
  const std::size_t most_ahead_;
  SQLite::Database database_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::vector<Row>> batches_;
  std::exception_ptr error_;
  bool is_over_ = false;
  bool is_wanted_ = true;
  std::thread thread_;
};

}  // namespace layergate::index
