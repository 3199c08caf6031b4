// Takes rows from the event loops and writes them from a thread of its own.
//
// Rows that somebody waits for come first and are on disk when he hears of it. All others are
// written within a second; when many wait, equal ones become one row (waiting_rows.h), and what is
// more than kMostWaiting is only counted, and how many they were becomes a row: no loop ever waits
// for the disk.
//
// Thread safety: all public members may be called from any thread.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <tl/expected.hpp>

#include "config/config.h"
#include "records/row.h"
#include "records/waiting_rows.h"

namespace layergate::records {

class Anomalies;
class Ledger;
class Retention;
class Webhook;

class Recorder {
 public:
  static constexpr std::size_t kMostWaiting = 65'536;  // rows
  // So many may wait one by one; of what comes beyond, equal rows become one.
  static constexpr std::size_t kMergeFrom = 1024;

  // Opens state/records.db, or makes it. Throws std::runtime_error: it is not ours, no permission;
  // or the webhook's secret cannot be read.
  explicit Recorder(const config::Config& config);
  // Writes out what waits. Each `done` has been called then.
  ~Recorder();
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  void start();

  void record(Row row);
  // `done` is called on the recorder's thread and must only hand on. False: the row is not on disk,
  // and whoever wants it must not say that it is; it is written as soon as that is possible.
  using Done = std::function<void(bool written)>;
  void record_durably(Row row, Done done);
  // The same for who can wait. The error says what is wrong with the disk.
  tl::expected<void, std::string> record_now(Row row);

  // Whether changes are to be refused, because they could not be recorded.
  [[nodiscard]] bool refuses_changes() const { return required_ && failing_; }

  struct Status {
    std::string problem;        // of the disk, or empty
    std::uint64_t written = 0;  // rows since the start
    std::uint64_t lost = 0;
    std::size_t waiting = 0;
  };
  [[nodiscard]] Status status() const;

 private:
  using Clock = std::chrono::steady_clock;
  struct Waiter {
    Row row;
    Done done;
  };

  void run();
  // Whether there was something and it was written.
  bool write_awaited();
  // Whether there may be more that should not wait: a whole batch was written.
  bool write_others();
  bool append(std::vector<Row>& rows);
  void put_back(std::vector<Row> rows);
  void count_lost();
  void examine(const std::vector<Row>& rows);
  // Whether there is more to remove now.
  bool keep_in_bounds();
  void tell_head(bool is_end);
  void set_problem(const std::string& problem);

  const bool required_;
  std::unique_ptr<Ledger> ledger_;
  std::unique_ptr<Anomalies> anomalies_;
  std::unique_ptr<Retention> retention_;
  std::unique_ptr<Webhook> webhook_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Waiter> awaited_;  // guarded by mutex_, as are the next four
  WaitingRows others_;
  std::uint64_t not_taken_ = 0;  // rows that are lost, and of which no row tells yet
  std::string problem_;
  bool stopping_ = false;

  std::atomic<bool> failing_{false};
  std::atomic<std::uint64_t> written_{0};
  std::atomic<std::uint64_t> lost_{0};

  // Of the recorder's thread only:
  Clock::time_point retry_at_{};
  Clock::time_point retention_at_{};
  std::int64_t head_told_ = 0;  // the day
  std::string retention_problem_;
  std::string anomalies_problem_;
  std::thread thread_;
};

}  // namespace layergate::records
