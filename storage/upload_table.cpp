#include "storage/upload_table.h"

#include <utility>

namespace layergate::storage {

UploadTable::Entered UploadTable::enter(const std::string& id) {
  const std::lock_guard lock(mutex_);
  const auto [found, is_new] = entries_.try_emplace(id);
  auto& entry = found->second;
  if (!is_new && entry.is_busy) return {true, std::nullopt};
  entry.is_busy = true;
  ++busy_;
  return {false, std::exchange(entry.progress, std::nullopt)};
}

void UploadTable::leave(const std::string& id, std::optional<Progress> progress) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(id);
  --busy_;
  if (!progress) {
    entries_.erase(found);
    return;
  }
  found->second = {false, std::move(progress), Clock::now()};
  if (entries_.size() - busy_ > kMost) forget_oldest();
}

void UploadTable::forget_oldest() {
  auto oldest = entries_.end();
  for (auto at = entries_.begin(); at != entries_.end(); ++at) {
    if (at->second.is_busy) continue;
    if (oldest == entries_.end() || at->second.left < oldest->second.left) oldest = at;
  }
  if (oldest != entries_.end()) entries_.erase(oldest);
}

void UploadTable::if_idle(const std::string& id, const std::function<void()>& task) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(id);
  if (found != entries_.end() && found->second.is_busy) return;
  task();
  if (found != entries_.end()) entries_.erase(found);
}

std::size_t UploadTable::busy() const {
  const std::lock_guard lock(mutex_);
  return busy_;
}

}  // namespace layergate::storage
