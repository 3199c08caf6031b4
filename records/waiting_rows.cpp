#include "records/waiting_rows.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace layergate::records {
namespace {

constexpr std::chrono::minutes kMoment{1};

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
    rows_.push_back({std::move(row), {}, nullptr});
    return true;
  }
  const auto [equal, is_new] = equals_.try_emplace(key_of(row));
  // One row is one moment. While the disk fails they wait for longer.
  if (!is_new && row.at - equal->second->since < kMoment) {
    merge(equal->second->row, row);
    return true;
  }
  if (rows_.size() >= limits_.most) {
    if (is_new) equals_.erase(equal);
    return false;
  }
  if (!is_new) equal->second->key = nullptr;
  // References into a deque and to the keys of a map stay as long as what they are of.
  const auto at = row.at;
  rows_.push_back({std::move(row), at, &equal->first});
  equal->second = &rows_.back();
  return true;
}

std::vector<Row> WaitingRows::take(std::size_t count) {
  count = std::min(count, rows_.size());
  std::vector<Row> taken;
  taken.reserve(count);
  for (; count > 0; --count) {
    auto& [row, since, key] = rows_.front();
    if (key != nullptr) equals_.erase(equals_.find(*key));
    taken.push_back(std::move(row));
    rows_.pop_front();
  }
  return taken;
}

std::uint64_t WaitingRows::put_back(std::vector<Row> rows) {
  for (auto row = rows.rbegin(); row != rows.rend(); ++row) {
    rows_.push_front({std::move(*row), {}, nullptr});
  }
  std::uint64_t gone = 0;
  while (rows_.size() > 2 * limits_.most) {
    const auto& [row, since, key] = rows_.back();
    gone += static_cast<std::uint64_t>(row.requests);
    if (key != nullptr) equals_.erase(equals_.find(*key));
    rows_.pop_back();
  }
  return gone;
}

}  // namespace layergate::records
