// The uploads that the proxy receives itself (upstream.storage_mode: write).
//
// A partial one is a file of its own directory below the registry's root, which no registry looks
// into; docs/storage.md says what becomes of it. All that concerns the disk is done by threads of
// its own, to which submit…() hand it; nothing else here may be called on an event loop, but what
// says so.
//
// Thread safety: all members may be used from any thread.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "base/fd.h"
#include "base/task_pool.h"
#include "storage/blob_files.h"
#include "storage/fault.h"
#include "storage/pieces.h"
#include "storage/upload.h"
#include "storage/upload_table.h"

namespace layergate::storage {

class Uploads {
 public:
  using Claimed = tl::expected<std::shared_ptr<Upload>, Fault>;
  // Told of each file that has become a blob, whose bytes are those of the digest.
  using Placed = std::function<void(const FileIdentity& file, std::string_view digest)>;

  // Takes the directory for this process alone; the error is a sentence. `clients`: how many there
  // may be, each of which waits for one thing at a time. REQUIRES: problem_of_writing(root) knows
  // none. Blocks on the disk.
  static tl::expected<std::unique_ptr<Uploads>, std::string> open(const std::filesystem::path& root,
                                                                  std::size_t clients,
                                                                  Placed placed);
  // For open(): the descriptors of the lock and of the directory of partial uploads.
  Uploads(std::filesystem::path root, Fd lock, Fd directory, std::size_t clients, Placed placed);

  // A new upload.
  Claimed begin();
  // One that was begun before, for a request that brings `more` bytes: Fault::full if there is no
  // room for them now.
  Claimed claim(const std::string& id, std::uint64_t more);
  // In their order; what fails ends the upload.
  Fault append(Upload& upload, const std::vector<Piece>& pieces);
  // It becomes a blob of the repository, and the sha256 under which that is kept is the answer; or
  // it ends.
  tl::expected<std::string, Fault> finish(Upload& upload, const std::string& repository,
                                          const std::string& digest);
  // It ends, and what it has of the disk is free.
  void remove(Upload& upload);

  enum class Mount : std::uint8_t {
    done,
    absent,    // the source does not have it
    doubtful,  // the registry knows better
  };
  Mount mount(const std::string& repository, const std::string& digest, const std::string& from);

  // Whether the directory is the one that was there at the start, and not what an unmounted disk
  // or a swap has left.
  [[nodiscard]] bool is_in_place() const;
  // Removes what nobody has touched for kKept; tick(), about once a second, has that done once a
  // day, and waits for nothing.
  void purge();
  void tick();
  static constexpr std::chrono::hours kKept{7 * 24};

  // Each on threads of its own, so that the one does not wait for the other: what opens files,
  // what writes bytes, what ends uploads (which may read a file whole, and syncs it). False if
  // there is no room. For event loops, as the next two.
  [[nodiscard]] bool submit(std::function<void()> task) { return openers_.submit(std::move(task)); }
  [[nodiscard]] bool submit_write(std::function<void()> task) {
    return writers_.submit(std::move(task));
  }
  [[nodiscard]] bool submit_finish(std::function<void()> task) {
    return finishers_.submit(std::move(task));
  }
  [[nodiscard]] const std::shared_ptr<Pieces>& pieces() const { return pieces_; }
  // In the Prometheus text format.
  [[nodiscard]] std::string metrics_text() const;

 private:
  using Clock = std::chrono::steady_clock;

  // The registry's root as it is now, if it is the one of the start.
  [[nodiscard]] tl::expected<Fd, Fault> root() const;
  // Tells the log, each fault once a minute.
  Fault fail(int error, const char* what);

  const BlobFiles files_;
  const Fd lock_;
  const FileIdentity identity_;  // of the lock's file
  const Fd directory_;           // of the partial uploads
  const std::shared_ptr<UploadTable> table_ = std::make_shared<UploadTable>();
  const std::shared_ptr<Pieces> pieces_;
  const Placed placed_;
  std::atomic<std::uint64_t> begun_{0};
  std::atomic<std::uint64_t> finished_{0};
  std::atomic<std::uint64_t> mounted_{0};
  std::atomic<std::uint64_t> failed_{0};
  std::atomic<std::uint64_t> bytes_{0};
  std::mutex mutex_;
  std::optional<Clock::time_point> told_at_;  // guarded by mutex_
  std::atomic<Clock::time_point> purged_at_;
  // The last: their threads use all of the above.
  TaskPool openers_;
  TaskPool writers_;
  TaskPool finishers_;
};

}  // namespace layergate::storage
