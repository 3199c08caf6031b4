// Writes access records as JSON lines, off the event loops.
//
// Lines are gathered and go to the file together, each second or when there are many: to wake a
// thread for each would cost more than the line. The file rotates at 64 MiB and 16 old ones are
// kept. Destruction writes out all that waits.
//
// Thread safety: write() may be called from any thread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>

#include "records/access_record.h"

namespace spdlog::sinks {
class sink;
}

namespace layergate::records {

class AccessLog {
 public:
  // What was counted instead of written.
  struct Summary {
    std::string network;  // for people
    IpAddress address;    // the first of it
    int status = 0;
    std::uint64_t count = 0;
  };

  // `on_summary` is told what the file is told. Throws spdlog::spdlog_ex if the file cannot be
  // opened.
  explicit AccessLog(const std::filesystem::path& file,
                     std::function<void(const Summary&)> on_summary = {});
  ~AccessLog();

  // Requests without a right credential anybody can send. For each address (IPv6: each /64) they
  // are written one by one up to 60 a minute; what is more is counted, and written as one summary
  // for each status when the minute is over. False: it was only counted.
  bool write(const AccessRecord& record);
  // Has summaries written that are due; call about once a second.
  void tick();

 private:
  struct Flood {
    std::string name;  // of the network, for people
    IpAddress address;
    std::chrono::steady_clock::time_point start;
    std::uint64_t seen = 0;
    std::map<int, std::uint64_t> left_out;  // by status

    // Whether this one is beyond what is written.
    bool add(int status);
  };

  bool is_flood(const AccessRecord& record);
  void summarise(const Flood& flood);
  // Waits for the disk only when it is kMost bytes behind.
  void append(const std::string& line);
  void run();
  void write_out(const std::string& lines);

  const std::function<void(const Summary&)> on_summary_;

  const std::filesystem::path path_;
  // The next two are the thread's own.
  std::unique_ptr<spdlog::sinks::sink> file_;  // null: it failed
  std::string problem_;                        // of the file

  std::mutex lines_mutex_;
  std::condition_variable wake_;
  std::condition_variable room_;
  std::string lines_;  // guarded by lines_mutex_, as the next one
  bool stopping_ = false;
  std::thread thread_;

  std::mutex mutex_;
  std::unordered_map<std::uint64_t, Flood> floods_;  // by network_of(); guarded by mutex_
  Flood others_{
      "others", {}, {}, 0, {}};  // networks beyond what floods_ may hold; guarded by mutex_
};

}  // namespace layergate::records
