#include "records/access_log.h"

#include <utility>
#include <vector>

#include <nlohmann/json.hpp>
#include <spdlog/async.h>
#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/spdlog.h>

namespace layergate::records {
namespace {

constexpr std::size_t kQueue = 16'384;  // records
constexpr std::size_t kFileBytes = 64U << 20U;
constexpr std::size_t kFiles = 16;
constexpr std::uint64_t kRefusalsAMinute = 60;  // written one by one, an address
constexpr std::size_t kAddresses = 10'000;      // watched one by one
constexpr std::chrono::seconds kWindow{60};

}  // namespace

AccessLog::AccessLog(const std::filesystem::path& file,
                     std::function<void(const Summary&)> on_summary)
    : on_summary_(std::move(on_summary)),
      pool_(std::make_shared<spdlog::details::thread_pool>(kQueue, 1)) {
  auto sink =
      std::make_shared<spdlog::sinks::rotating_file_sink_mt>(file.string(), kFileBytes, kFiles);
  logger_ = std::make_shared<spdlog::async_logger>("access", std::move(sink), pool_,
                                                   spdlog::async_overflow_policy::block);
  logger_->set_pattern("%v");
}

AccessLog::~AccessLog() {
  for (const auto& [network, flood] : floods_) summarise(flood);
  summarise(others_);
  logger_->flush();
  pool_.reset();  // joins its thread, which ends when the queue is empty
  logger_.reset();
}

bool AccessLog::write(const AccessRecord& record) {
  if (is_flood(record)) return false;
  logger_->info("{}", record.to_json());
  return true;
}

bool AccessLog::is_flood(const AccessRecord& record) {
  if (record.verified) return false;
  const auto now = std::chrono::steady_clock::now();
  const std::lock_guard lock(mutex_);
  const auto key = network_of(record.address);
  auto found = floods_.find(key);
  if (found == floods_.end()) {
    if (floods_.size() >= kAddresses) {
      if (others_.seen == 0) others_.start = now;
      return others_.add(record.status);
    }
    found =
        floods_.emplace(key, Flood{network_name(record.address), record.address, now, 0, {}}).first;
  }
  return found->second.add(record.status);
}

bool AccessLog::Flood::add(int status) {
  if (++seen <= kRefusalsAMinute) return false;
  ++left_out[status];
  return true;
}

void AccessLog::tick() {
  const auto now = std::chrono::steady_clock::now();
  std::vector<Flood> over;
  {
    const std::lock_guard lock(mutex_);
    for (auto flood = floods_.begin(); flood != floods_.end();) {
      if (now - flood->second.start < kWindow) {
        ++flood;
        continue;
      }
      over.push_back(std::move(flood->second));
      flood = floods_.erase(flood);
    }
    if (others_.seen > 0 && now - others_.start >= kWindow) {
      over.push_back(std::exchange(others_, {"others", {}, {}, 0, {}}));
    }
  }
  for (const auto& flood : over) summarise(flood);
  logger_->flush();
}

void AccessLog::summarise(const Flood& flood) const {
  for (const auto& [status, count] : flood.left_out) {
    const nlohmann::ordered_json json = {{"time", format_time(wall_now())},
                                         {"event", "refusals summarised"},
                                         {"address", flood.name},
                                         {"status", status},
                                         {"count", count}};
    logger_->info("{}", json.dump());
    if (on_summary_) on_summary_({flood.name, flood.address, status, count});
  }
}

}  // namespace layergate::records
