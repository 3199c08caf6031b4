#include "storage/pieces.h"

namespace layergate::storage {

Piece::~Piece() {
  if (bytes_) owner_->give_back(std::move(bytes_));
}

std::optional<Piece> Pieces::take(std::function<void()> again) {
  const std::lock_guard lock(mutex_);
  if (used_ == most_) {
    if (again) waiting_.push_back(std::move(again));
    return std::nullopt;
  }
  ++used_;
  std::unique_ptr<char[]> bytes;
  if (idle_.empty()) {
    // Not initialised: it is written before it is read.
    bytes = std::make_unique_for_overwrite<char[]>(Piece::kSize);
  } else {
    bytes = std::move(idle_.back());
    idle_.pop_back();
  }
  return Piece(shared_from_this(), std::move(bytes));
}

void Pieces::give_back(std::unique_ptr<char[]> bytes) {
  std::function<void()> next;
  {
    const std::lock_guard lock(mutex_);
    --used_;
    if (idle_.size() < kMostIdle) idle_.push_back(std::move(bytes));
    if (!waiting_.empty()) {
      next = std::move(waiting_.front());
      waiting_.pop_front();
    }
  }
  if (next) next();
}

}  // namespace layergate::storage
