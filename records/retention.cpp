#include "records/retention.h"

#include <charconv>

namespace layergate::records {
namespace {

constexpr std::int64_t kSlice = 500;         // rows of one step
constexpr std::int64_t kAnnounced = 20'000;  // rows at most
constexpr std::int64_t kTextSlice = 10'000;
// Rows are not in the order of their times to the second.
constexpr std::chrono::minutes kMargin{1};
// A time that far ahead is of a clock that was wrong; nothing waits until it comes true.
constexpr std::chrono::days kAhead{1};

std::int64_t milliseconds(WallTime time) {
  return static_cast<std::int64_t>(time.time_since_epoch().count());
}

}  // namespace

std::int64_t announced_row(const Row& row) {
  std::int64_t id = 0;
  const auto& text = row.reference;
  std::from_chars(text.data(), text.data() + text.size(), id);
  return id;
}

bool Retention::step(WallTime now) {
  auto& database = ledger_.database();
  if (until_ > anchor_of(database).id) {
    ledger_.remove_oldest(kSlice, until_);
    return true;
  }
  if (announce(now)) return true;
  if (texts_day_ == day_of(now)) return false;
  if (texts_from_ == 0) remove_sums(now);
  if (remove_texts()) return true;
  texts_day_ = day_of(now);
  texts_from_ = 0;
  return false;
}

bool Retention::announce(WallTime now) {
  auto& database = ledger_.database();
  const auto anchor = anchor_of(database);
  const auto oldest = milliseconds(now - keep_ - kMargin);
  auto& query = database.bind("SELECT id, at FROM records WHERE id > ? ORDER BY id LIMIT ?",
                              anchor.id, kAnnounced);
  std::int64_t last = anchor.id;
  while (query.executeStep()) {
    const auto at = query.getColumn(1).getInt64();
    if (at >= oldest && at <= milliseconds(now + kAhead)) break;
    last = query.getColumn(0).getInt64();
  }
  query.reset();
  if (last == anchor.id) return false;
  Row row;
  row.at = now;
  row.user = kItself;
  row.verified = true;
  row.allowed = true;
  row.action = kRemovalAction;
  row.reference = std::to_string(last);
  row.detail = "rows " + std::to_string(anchor.id + 1) + " to " + std::to_string(last) +
               " are older than they are kept";
  ledger_.append({&row, 1});
  until_ = last;
  return true;
}

void Retention::remove_sums(WallTime now) {
  auto& database = ledger_.database();
  const auto day = day_of(now - keep_);
  database.run("DELETE FROM daily WHERE day < ?", day);
  database.run("DELETE FROM networks WHERE day < ?", day);
  database.run("DELETE FROM anomalies WHERE at < ?", milliseconds(now - keep_));
}

bool Retention::remove_texts() {
  auto& database = ledger_.database();
  auto& query = database.bind("SELECT max(id) FROM texts");
  const auto most = query.executeStep() ? query.getColumn(0).getInt64() : 0;
  query.reset();
  if (texts_from_ >= most) return false;
  database.run("DELETE FROM texts WHERE id > ? AND id <= ? AND used < ?", texts_from_,
               texts_from_ + kTextSlice, anchor_of(database).id - kTextSlack);
  ledger_.forget_texts();
  texts_from_ += kTextSlice;
  return true;
}

}  // namespace layergate::records
