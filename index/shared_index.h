// The index, kept from being read while it is written.
//
// Thread safety: both may be called from any thread. What read() hands out must not leave it.
#pragma once

#include <mutex>
#include <shared_mutex>
#include <utility>

#include "index/index.h"

namespace layergate::index {

class SharedIndex {
 public:
  explicit SharedIndex(const Index::Options& options) : index_(options) {}

  template <typename Reader>
  auto read(Reader reader) const {
    const std::shared_lock lock(mutex_);
    return reader(std::as_const(index_));
  }
  // Short: all loops wait meanwhile.
  template <typename Writer>
  auto write(Writer writer) {
    const std::unique_lock lock(mutex_);
    return writer(index_);
  }

 private:
  mutable std::shared_mutex mutex_;
  Index index_;
};

}  // namespace layergate::index
