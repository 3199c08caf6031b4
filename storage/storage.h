// The registry's own files, from which blobs are served (upstream.storage).
//
// Thread safety: all members may be used from any thread.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/problem.h"
#include "base/task_pool.h"
#include "config/config.h"
#include "storage/blob_files.h"
#include "storage/miss.h"
#include "storage/verifier.h"

namespace layergate::storage {

// What is wrong with the directory that layergate.yml names, or nothing. Blocks on the disk.
std::optional<Problem> check(const config::Storage& config);

class Storage {
 public:
  // `clients`: how many there may be, each of which waits for one thing at a time.
  Storage(const config::Storage& config, std::size_t clients);

  // The blob's file, if it may be served: what is said of BlobFiles::find() and, where the
  // configuration wants it, its bytes were compared with the digest. `is_wanted`: if they were not,
  // that is done now. Whoever asks has decided before that the digest may be read.
  tl::expected<BlobFile, Miss> find(std::string_view repository, std::string_view digest, Wait wait,
                                    bool is_wanted);

  // The file's bytes are known to be those of the digest: they were hashed as they came.
  void trust(const FileIdentity& file, std::string_view digest) {
    if (verifies_) verifier_.trust(file, digest);
  }

  // Runs what waits for the disk on one of a few threads. False if there is no room.
  [[nodiscard]] bool submit(std::function<void()> task) { return pool_.submit(std::move(task)); }

  // Counts a request that is not served from its file, and tells the log if that says something
  // about the storage: each kind once a minute.
  void note(Miss miss, std::string_view repository, std::string_view digest);
  void note_served(std::uint64_t bytes) {
    ++served_;
    bytes_ += bytes;
  }
  // A file was changed or ended while it was sent.
  void note_cut(std::string_view repository, std::string_view digest, std::string_view why);

  // Why nothing comes from here at the moment, as of the last request; or empty.
  [[nodiscard]] std::string problem() const;
  // In the Prometheus text format.
  [[nodiscard]] std::string metrics_text() const;

 private:
  using Clock = std::chrono::steady_clock;
  struct Told {
    std::optional<Clock::time_point> at;
    std::uint64_t kept_back = 0;
  };
  static constexpr unsigned kThreads = 4;

  // Whether to tell of it now, and of how many that were not told of.
  std::optional<std::uint64_t> may_tell(Told& told);

  const BlobFiles files_;
  const bool verifies_;
  std::atomic<bool> is_gone_{false};
  std::atomic<std::uint64_t> served_{0};
  std::atomic<std::uint64_t> bytes_{0};
  std::atomic<std::uint64_t> cut_{0};
  std::array<std::atomic<std::uint64_t>, kMisses.size()> misses_{};
  std::mutex mutex_;
  std::array<Told, kMisses.size()> told_{};  // guarded by mutex_, as the next one
  Told told_of_cuts_;
  Verifier verifier_;
  TaskPool pool_;
};

}  // namespace layergate::storage
