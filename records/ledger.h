// Adds rows to records.db, in one transaction each time: the rows, their place in the chain and the
// daily sums.
//
// Several processes may have a ledger on the same file: the end of the chain is read inside the
// transaction. Thread safety: a Ledger belongs to one thread.
#pragma once

#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <tuple>
#include <unordered_map>

#include "records/database.h"

namespace layergate::records {

// In place of a reference's text.
inline constexpr std::int64_t kTag = -1;
inline constexpr std::int64_t kDigest = -2;

class Ledger {
 public:
  // Makes the file if there is none. Throws std::runtime_error with the file and what to do.
  explicit Ledger(const std::filesystem::path& file);

  // On disk when it returns, and the rows have their ids. Throws std::exception, and then nothing
  // is written. Waits up to 5 s for another process.
  void append(std::span<Row> rows);

  // Removes up to `count` of the oldest rows, but none behind `last`. Throws std::exception.
  void remove_oldest(std::int64_t count, std::int64_t last);

  [[nodiscard]] sqlite::Connection& database() { return database_; }
  // Must be called when texts were removed.
  void forget_texts() { texts_.clear(); }

 private:
  // day, user, repository, action, allowed
  using Key = std::tuple<std::int64_t, std::int64_t, std::int64_t, std::int64_t, bool>;
  struct Sum {
    std::int64_t requests = 0;
    std::int64_t bytes = 0;
  };
  struct Text {
    std::int64_t id;
    std::int64_t used;
  };

  template <typename Change>
  void transact(Change change);
  std::int64_t text(std::string_view text, std::int64_t row);
  void insert(const Row& row, const Hash& hash);
  void set_place(std::string_view place, const Link& link);
  void write_sums();

  sqlite::Connection database_;
  Chain chain_;
  std::unordered_map<std::string, Text> texts_;
  std::map<Key, Sum> sums_;  // of the present transaction
};

// A text may be removed when the row that used it last, as the table says, is this far behind the
// oldest row.
inline constexpr std::int64_t kTextSlack = 65'536;

}  // namespace layergate::records
