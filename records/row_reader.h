// Reads rows from a statement whose columns are LAYERGATE_ROW_COLUMNS.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>

#include "records/database.h"

// Text, because statements are made of literals.
#define LAYERGATE_ROW_COLUMNS                                                                     \
  "id, at, user, verified, address, method, action, repository, reference, digest, tag, status, " \
  "code, bytes_in, bytes_out, microseconds, requests, allowed, complete, reason, rule, "          \
  "user_agent, trace, detail, hash"

namespace layergate::records {

class RowReader {
 public:
  // The database must outlive this.
  explicit RowReader(sqlite::Connection& database) : database_(database) {}

  Row read(SQLite::Statement& query);
  // Of the row that was read last.
  [[nodiscard]] const Hash& hash() const { return hash_; }

 private:
  const std::string& text(std::int64_t id);

  sqlite::Connection& database_;
  std::unordered_map<std::int64_t, std::string> texts_;
  Hash hash_{};
};

}  // namespace layergate::records
