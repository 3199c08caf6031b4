// Memory for bytes on their way to the disk, used again and again and bounded in all.
//
// Thread safety: Pieces may be used from any thread; a Piece belongs to who has it.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace layergate::storage {

class Pieces;

// Its memory goes back when it goes.
class Piece {
 public:
  static constexpr std::size_t kSize = 256U << 10U;

  Piece(Piece&&) = default;
  Piece& operator=(Piece&&) = delete;
  ~Piece();

  [[nodiscard]] std::string_view view() const { return {bytes_.get(), size_}; }
  [[nodiscard]] std::span<char> free_space() { return {bytes_.get() + size_, kSize - size_}; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] bool is_full() const { return size_ == kSize; }
  // REQUIRES: count <= free_space().size().
  void add(std::size_t count) { size_ += count; }

 private:
  friend class Pieces;
  Piece(std::shared_ptr<Pieces> owner, std::unique_ptr<char[]> bytes)
      : owner_(std::move(owner)), bytes_(std::move(bytes)) {}

  std::shared_ptr<Pieces> owner_;
  std::unique_ptr<char[]> bytes_;  // null: moved from
  std::size_t size_ = 0;
};

class Pieces : public std::enable_shared_from_this<Pieces> {
 public:
  explicit Pieces(std::size_t most) : most_(most) {}

  // Nothing if `most` of them are in use; then `again`, if there is one, is called when one has
  // come back, from whatever thread gives it. It may be that it is taken by then, or that `again`
  // has nobody to call any more: who waits must look by himself too, now and again.
  std::optional<Piece> take(std::function<void()> again);

 private:
  friend class Piece;
  static constexpr std::size_t kMostIdle = 64;

  void give_back(std::unique_ptr<char[]> bytes);

  const std::size_t most_;
  std::mutex mutex_;
  std::size_t used_ = 0;  // guarded by mutex_, as the next two
  std::vector<std::unique_ptr<char[]>> idle_;
  std::deque<std::function<void()>> waiting_;
};

}  // namespace layergate::storage
