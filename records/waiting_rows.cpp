#include "records/waiting_rows.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace layergate::records {
namespace {

// All that rows which are merged have in common: everything but when, how long, how many and how
// much.
std::string key_of(const Row& row) {
  std::string key;
  for (const auto* text :
       {&row.user, &row.method, &row.action, &row.repository, &row.reference, &row.digest, &row.tag,
        &row.code, &row.reason, &row.rule, &row.user_agent, &row.detail}) {
    key += *text;
    key += '\0';
  }
  const auto& address = row.address.bytes();
  key.append(reinterpret_cast<const char*>(address.data()), address.size());
  key += std::to_string(row.status);
  key += row.verified ? 'v' : '-';
  key += row.allowed ? 'a' : '-';
  key += row.complete ? 'c' : '-';
  return key;
}

void merge(Row& into, const Row& row) {
  into.at = std::max(into.at, row.at);
  into.requests += row.requests;
  into.bytes_in += row.bytes_in;
  into.bytes_out += row.bytes_out;
  into.microseconds += row.microseconds;
}

}  // namespace

bool WaitingRows::push(Row row) {
  if (rows_.size() < limits_.merge_from) {
    rows_.push_back(std::move(row));
    return true;
  }
  auto key = key_of(row);
  if (const auto equal = equals_.find(key); equal != equals_.end()) {
    merge(*equal->second, row);
    return true;
  }
  if (rows_.size() >= limits_.most) return false;
  rows_.push_back(std::move(row));
  // References into a deque stay as long as their element.
  equals_.emplace(std::move(key), &rows_.back());
  return true;
}

std::vector<Row> WaitingRows::take(std::size_t count) {
  const auto end = rows_.begin() + static_cast<std::ptrdiff_t>(std::min(count, rows_.size()));
  if (!equals_.empty()) {
    for (auto row = rows_.begin(); row != end; ++row) {
      const auto equal = equals_.find(key_of(*row));
      if (equal != equals_.end() && equal->second == &*row) equals_.erase(equal);
    }
  }
  std::vector<Row> taken(std::make_move_iterator(rows_.begin()), std::make_move_iterator(end));
  rows_.erase(rows_.begin(), end);
  return taken;
}

std::uint64_t WaitingRows::put_back(std::vector<Row> rows) {
  rows_.insert(rows_.begin(), std::make_move_iterator(rows.begin()),
               std::make_move_iterator(rows.end()));
  const auto most = 2 * limits_.most;
  if (rows_.size() <= most) return 0;
  equals_.clear();  // the newest are those that may be merged
  std::uint64_t gone = 0;
  for (std::size_t i = most; i < rows_.size(); ++i) {
    gone += static_cast<std::uint64_t>(rows_[i].requests);
  }
  rows_.resize(most);
  return gone;
}

}  // namespace layergate::records
