// Writes access records as JSON lines, off the event loops.
//
// Thread safety: write() may be called from any thread. The file rotates at 64 MiB and 16 old ones
// are kept. Destruction writes out all that is queued.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "records/access_record.h"

namespace spdlog {
class logger;
namespace details {
class thread_pool;
}
}  // namespace spdlog

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
  // Writes summaries that are due and flushes; call about once a second.
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
  void summarise(const Flood& flood) const;

  const std::function<void(const Summary&)> on_summary_;

  std::shared_ptr<spdlog::details::thread_pool> pool_;
  std::shared_ptr<spdlog::logger> logger_;
  std::mutex mutex_;
  std::unordered_map<std::uint64_t, Flood> floods_;  // by network_of(); guarded by mutex_
  Flood others_{
      "others", {}, {}, 0, {}};  // networks beyond what floods_ may hold; guarded by mutex_
};

}  // namespace layergate::records
