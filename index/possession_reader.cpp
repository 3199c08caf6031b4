#include "index/possession_reader.h"

#include <string>
#include <utility>

#include "base/sqlite.h"

namespace layergate::index {
namespace {

constexpr std::size_t kBatch = 1024;  // rows

}  // namespace

PossessionReader::PossessionReader(SQLite::Database database, std::optional<std::int64_t> only,
                                   std::size_t most_ahead)
    : only_(only),
      most_ahead_(most_ahead),
      database_(std::move(database)),
      thread_([this] { read(); }) {}

PossessionReader::~PossessionReader() {
  {
    const std::lock_guard lock(mutex_);
    is_wanted_ = false;
  }
  changed_.notify_all();
  thread_.join();
}

std::vector<PossessionReader::Row> PossessionReader::next() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !batches_.empty() || is_over_; });
  if (error_) std::rethrow_exception(error_);
  if (batches_.empty()) return {};
  auto rows = std::move(batches_.front());
  batches_.pop_front();
  changed_.notify_all();
  return rows;
}

void PossessionReader::read() {
  std::exception_ptr error;
  try {
    SQLite::Statement query(database_, std::string("SELECT repository, digest, account, blob_at, "
                                                   "manifest_at FROM possessions") +
                                           (only_ ? " WHERE repository = ?" : ""));
    if (only_) query.bind(1, *only_);
    std::vector<Row> rows;
    while (query.executeStep()) {
      if (rows.empty()) rows.reserve(kBatch);
      rows.push_back(
          {query.getColumn(0).getInt64(),
           oci::Digest::from_packed(sqlite::bytes_of(query.getColumn(1))),
           query.getColumn(2).getInt64(),
           {time_of(query.getColumn(3).getInt64()), time_of(query.getColumn(4).getInt64())}});
      if (rows.size() == kBatch && !put(std::exchange(rows, {}))) return;
    }
    if (!rows.empty()) put(std::move(rows));
  } catch (...) {
    error = std::current_exception();
  }
  const std::lock_guard lock(mutex_);
  error_ = error;
  is_over_ = true;
  changed_.notify_all();
}

bool PossessionReader::put(std::vector<Row> rows) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return batches_.size() < most_ahead_ || !is_wanted_; });
  batches_.push_back(std::move(rows));
  changed_.notify_all();
  return is_wanted_;
}

}  // namespace layergate::index
