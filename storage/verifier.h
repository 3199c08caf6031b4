// Which files were read whole and hold the bytes of their digest.
//
// A file is known by its FileIdentity: when anything of that changes, it is another file, and is
// read again. At most kMost are remembered, in memory only; the oldest go first.
//
// Thread safety: may be used from any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "base/task_pool.h"
#include "oci/digest.h"
#include "storage/blob_files.h"

namespace layergate::storage {

class Verifier {
 public:
  static constexpr std::size_t kMost = 65'536;

  // The files must outlive this.
  explicit Verifier(const BlobFiles& files) : files_(files), pool_(kThreads, kQueue) {}
  // Waits for what is read at the moment, which then ends early.
  ~Verifier() { stopping_ = true; }
  Verifier(const Verifier&) = delete;
  Verifier& operator=(const Verifier&) = delete;

  // Whether the file holds the bytes of this digest; nothing if that is not known yet.
  [[nodiscard]] std::optional<bool> verdict(const FileIdentity& file,
                                            std::string_view digest) const;
  // Has it read on a thread of its own, once for all who ask meanwhile. Where too many wait, it is
  // not: whoever asks next asks again.
  void read(std::string_view repository, std::string_view digest);

  // It does: who has written it knows.
  void trust(const FileIdentity& file, std::string_view digest);

  [[nodiscard]] std::uint64_t good() const { return good_; }
  [[nodiscard]] std::uint64_t bad() const { return bad_; }

 private:
  static constexpr unsigned kThreads = 2;  // hashing takes a core each
  static constexpr std::size_t kQueue = 4'096;

  struct Key {
    FileIdentity file;
    oci::DigestKey digest;
    bool operator==(const Key& other) const = default;
  };
  struct Hasher {
    std::size_t operator()(const Key& key) const;
  };

  // Nothing where nothing new is known.
  std::optional<std::pair<Key, bool>> read_now(const std::string& repository,
                                               const std::string& digest);
  // Nothing if it cannot be read, or was changed meanwhile.
  std::optional<bool> compare(const BlobFile& file, const std::string& digest) const;
  void remember(const Key& key, bool is_good);  // mutex_ is held

  const BlobFiles& files_;
  std::atomic<bool> stopping_{false};
  std::atomic<std::uint64_t> good_{0};
  std::atomic<std::uint64_t> bad_{0};
  mutable std::mutex mutex_;
  std::unordered_map<Key, bool, Hasher> verdicts_;  // guarded by mutex_, as the next two
  std::deque<Key> order_;                           // of verdicts_, the oldest first
  std::unordered_set<std::string> reading_;         // digests
  TaskPool pool_;                                   // the last: its threads use all of the above
};

}  // namespace layergate::storage
