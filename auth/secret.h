// Text that must not outlive its use: a password.
//
// Kept on the heap and never in a small-string buffer, so that a move leaves no copy behind, and
// overwritten before it is freed. There is no copy on purpose.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <openssl/crypto.h>

namespace layergate::auth {

class Secret {
 public:
  Secret() = default;
  Secret(std::string_view text)  // NOLINT(google-explicit-constructor): reads like a string
      : bytes_(std::make_unique<char[]>(text.size())), size_(text.size()) {
    std::copy(text.begin(), text.end(), bytes_.get());
  }
  Secret(const char* text) : Secret(std::string_view(text)) {}         // NOLINT
  Secret(const std::string& text) : Secret(std::string_view(text)) {}  // NOLINT
  Secret(Secret&& other) noexcept
      : bytes_(std::move(other.bytes_)), size_(std::exchange(other.size_, 0)) {}
  Secret& operator=(Secret&& other) noexcept {
    if (this != &other) {
      wipe();
      bytes_ = std::move(other.bytes_);
      size_ = std::exchange(other.size_, 0);
    }
    return *this;
  }
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret() { wipe(); }

  // Valid until this is changed, moved from or destroyed.
  [[nodiscard]] std::string_view view() const { return {bytes_.get(), size_}; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }

  // Takes the time of the length, not of the first difference.
  friend bool operator==(const Secret& a, std::string_view b) {
    return a.size_ == b.size() && CRYPTO_memcmp(a.bytes_.get(), b.data(), b.size()) == 0;
  }

 private:
  void wipe() {
    if (bytes_) OPENSSL_cleanse(bytes_.get(), size_);
  }

  std::unique_ptr<char[]> bytes_;
  std::size_t size_ = 0;
};

// Overwrites what it was given, however the scope is left.
class Cleanser {
 public:
  Cleanser(void* bytes, std::size_t size) : bytes_(bytes), size_(size) {}
  Cleanser(const Cleanser&) = delete;
  Cleanser& operator=(const Cleanser&) = delete;
  ~Cleanser() { OPENSSL_cleanse(bytes_, size_); }

 private:
  void* bytes_;
  std::size_t size_;
};

}  // namespace layergate::auth
