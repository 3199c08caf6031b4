// Memory for the records of TLS connections, used again and again.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

namespace layergate::proxy {

// Bytes between the library and the socket: written at the end, read from the front.
class TlsBlock {
 public:
  TlsBlock() = default;
  // With a copy of `text`, and `room` bytes more.
  TlsBlock(std::string_view text, std::size_t room)
      : capacity_(text.size() + room),
        bytes_(std::make_unique_for_overwrite<char[]>(capacity_)),
        end_(text.size()) {
    std::memcpy(bytes_.get(), text.data(), text.size());
  }

  // A relay's turn of plain text (Worker::scratch) and what its records add to it.
  static constexpr std::size_t kCapacity = (128U + 8U) << 10U;

  [[nodiscard]] std::string_view view() const { return {bytes_.get() + begin_, end_ - begin_}; }
  [[nodiscard]] bool empty() const { return begin_ == end_; }
  [[nodiscard]] std::size_t size() const { return end_ - begin_; }
  [[nodiscard]] char* free_space() { return bytes_.get() + end_; }
  [[nodiscard]] std::size_t free_size() const { return capacity_ - end_; }
  [[nodiscard]] std::size_t capacity() const { return capacity_; }
  // REQUIRES: count <= free_size().
  void add(std::size_t count) { end_ += count; }
  // REQUIRES: count <= size().
  void consume(std::size_t count) {
    begin_ += count;
    if (begin_ == end_) begin_ = end_ = 0;
  }

 private:
  std::size_t capacity_ = kCapacity;
  // Not initialised: it is written before it is read.
  std::unique_ptr<char[]> bytes_ = std::make_unique_for_overwrite<char[]>(capacity_);
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

// A connection has a block only while bytes wait in it, so that idle ones have none.
//
// Thread safety: belongs to one worker.
class TlsBlockPool {
 public:
  std::unique_ptr<TlsBlock> take() {
    if (idle_.empty()) return std::make_unique<TlsBlock>();
    auto block = std::move(idle_.back());
    idle_.pop_back();
    return block;
  }
  void give_back(std::unique_ptr<TlsBlock> block) {
    if (!block || block->capacity() < TlsBlock::kCapacity || idle_.size() >= kMostIdle) return;
    block->consume(block->size());
    idle_.push_back(std::move(block));
  }

 private:
  static constexpr std::size_t kMostIdle = 16;

  std::vector<std::unique_ptr<TlsBlock>> idle_;
};

}  // namespace layergate::proxy
