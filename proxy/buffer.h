// Bytes that wait between two system calls.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace layergate::proxy {

class Buffer {
 public:
  [[nodiscard]] std::string_view view() const { return std::string_view(text_).substr(start_); }
  [[nodiscard]] std::span<char> bytes() { return std::span<char>(text_).subspan(start_); }
  [[nodiscard]] std::size_t size() const { return text_.size() - start_; }
  [[nodiscard]] bool empty() const { return size() == 0; }

  void append(std::string_view text) {
    compact();
    text_.append(text);
  }
  void consume(std::size_t count) {
    start_ += count;
    if (start_ < text_.size()) return;
    // What a slow peer made wait is not to be paid for until its connection ends.
    text_.capacity() > kWorthKeeping ? release() : clear();
  }
  void clear() {
    text_.clear();
    start_ = 0;
  }
  // Gives the memory back; an idle connection keeps none.
  void release() {
    clear();
    text_.shrink_to_fit();
  }

 private:
  static constexpr std::size_t kWorthKeeping = 4U << 10U;  // bytes

  void compact() {
    if (start_ == 0) return;
    text_.erase(0, start_);
    start_ = 0;
  }

  std::string text_;
  std::size_t start_ = 0;
};

}  // namespace layergate::proxy
