#include "records/verification.h"

#include <charconv>

#include "records/retention.h"
#include "records/row_reader.h"

namespace layergate::records {
namespace {

// Rows that are read in one transaction: a longer one would keep the writer's log from being
// written back.
constexpr std::int64_t kSlice = 50'000;

class Verification {
 public:
  Verification(const std::filesystem::path& file, std::optional<Link> expected)
      : database_(open_database(file, sqlite::Mode::read)), rows_(database_), expected_(expected) {}

  Verified run(const std::function<void(std::int64_t, std::int64_t)>& progress) {
    bool more = true;
    while (more && result_.ok()) {
      database_.database().exec("BEGIN");
      more = slice();
      database_.database().exec("COMMIT");
      if (progress) progress(at_.id, head_.id);
    }
    result_.last = at_.id;
    result_.head = to_hex(at_.hash);
    if (result_.ok()) check_ends();
    return result_;
  }

 private:
  void wrong(std::int64_t row, const std::string& what) {
    if (!result_.ok()) return;
    result_.wrong_row = row;
    result_.wrong = what;
  }

  bool slice() {
    const auto anchor = anchor_of(database_);
    head_ = head_of(database_);
    // At the first time; and when retention has overtaken us.
    if (!started_ || anchor.id > at_.id) {
      at_ = anchor;
      anchor_ = anchor;
      result_.first = anchor.id + 1;
      started_ = true;
    }
    auto& query = database_.bind("SELECT " LAYERGATE_ROW_COLUMNS
                                 " FROM records WHERE id > ? ORDER BY id LIMIT ?",
                                 at_.id, kSlice);
    std::int64_t read = 0;
    while (result_.ok() && query.executeStep()) {
      ++read;
      take(rows_.read(query));
    }
    query.reset();
    if (!result_.ok()) return false;
    if (read == kSlice) return true;
    if (at_.id < head_.id) {
      wrong(at_.id + 1, "rows " + std::to_string(at_.id + 1) + " to " + std::to_string(head_.id) +
                            " at the end were removed");
    } else if (at_.hash != head_.hash) {
      wrong(at_.id, "the end of the chain was changed: row " + std::to_string(at_.id) +
                        " is not the one that it names");
    }
    return false;
  }

  void take(const Row& row) {
    if (row.id > head_.id) {
      return wrong(row.id, "row " + std::to_string(row.id) + " was put in behind the end");
    }
    if (row.id != at_.id + 1) {
      return wrong(at_.id + 1, row.id == at_.id + 2
                                   ? "row " + std::to_string(at_.id + 1) + " was removed"
                                   : "rows " + std::to_string(at_.id + 1) + " to " +
                                         std::to_string(row.id - 1) + " were removed");
    }
    const auto hash = chain_.next(at_.hash, row);
    if (hash != rows_.hash()) {
      return wrong(row.id, "row " + std::to_string(row.id) +
                               " was changed, or the one before it: its hash does not fit");
    }
    at_ = {row.id, hash};
    if (row.action == kRemovalAction) announced_ = std::max(announced_, announced_row(row));
    if (expected_ && expected_->id == row.id && expected_->hash != hash) {
      wrong(row.id, "row " + std::to_string(row.id) +
                        " is not the one that was noted: the chain was made anew");
    }
  }

  void check_ends() {
    if (anchor_.id > announced_) {
      return wrong(anchor_.id, "the rows up to " + std::to_string(anchor_.id) +
                                   " were removed, but not by the retention");
    }
    if (expected_ && expected_->id > at_.id) {
      wrong(at_.id + 1, "the noted row " + std::to_string(expected_->id) +
                            " is behind the end: rows were removed there");
    }
  }

  sqlite::Connection database_;
  RowReader rows_;
  Chain chain_;
  std::optional<Link> expected_;
  Verified result_;
  Link head_;
  Link anchor_;
  Link at_;
  std::int64_t announced_ = 0;
  bool started_ = false;
};

}  // namespace

Verified verify(const std::filesystem::path& file, std::optional<Link> expected,
                const std::function<void(std::int64_t, std::int64_t)>& progress) {
  return Verification(file, expected).run(progress);
}

}  // namespace layergate::records
