// What is in memory of uploads: who is at work on which, and how far the hash of the others has
// come.
//
// At most kMost that nobody works on are remembered; of those that were forgotten, as after a
// restart, the file is read again when they end.
//
// Thread safety: may be used from any thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "storage/hash.h"

namespace layergate::storage {

class UploadTable {
 public:
  static constexpr std::size_t kMost = 4'096;

  // Of all bytes up to `size`.
  struct Progress {
    std::uint64_t size = 0;
    Hash hash;
  };
  struct Entered {
    bool is_busy = false;  // somebody else is at work on it
    std::optional<Progress> progress;
  };

  // From here to leave() it is the caller's, unless it is somebody else's.
  Entered enter(const std::string& id);
  // Without progress it is forgotten.
  void leave(const std::string& id, std::optional<Progress> progress);
  // Runs `task`, unless somebody is at work on it; nobody begins meanwhile.
  void if_idle(const std::string& id, const std::function<void()>& task);

  [[nodiscard]] std::size_t busy() const;

 private:
  using Clock = std::chrono::steady_clock;
  struct Entry {
    bool is_busy = true;
    std::optional<Progress> progress;
    Clock::time_point left;
  };

  void forget_oldest();

  mutable std::mutex mutex_;
  std::unordered_map<std::string, Entry> entries_;  // guarded by mutex_, as the next one
  std::size_t busy_ = 0;
};

}  // namespace layergate::storage
