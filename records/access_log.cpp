#include "records/access_log.h"

#include <exception>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/spdlog.h>

namespace layergate::records {
namespace {

constexpr std::size_t kMany = 256U << 10U;  // bytes of lines that are written without delay
constexpr std::size_t kMost = 8U << 20U;
constexpr std::chrono::seconds kPause{1};
constexpr std::size_t kFileBytes = 64U << 20U;
constexpr std::size_t kFiles = 16;
constexpr std::uint64_t kRefusalsAMinute = 60;  // written one by one, an address
constexpr std::size_t kAddresses = 10'000;      // watched one by one
constexpr std::chrono::seconds kWindow{60};

// Of lines that are whole.
std::unique_ptr<spdlog::sinks::sink> open_file(const std::filesystem::path& file) {
  auto sink =
      std::make_unique<spdlog::sinks::rotating_file_sink_st>(file.string(), kFileBytes, kFiles);
  sink->set_formatter(std::make_unique<spdlog::pattern_formatter>(
      "%v", spdlog::pattern_time_type::local, std::string()));
  return sink;
}

}  // namespace

AccessLog::AccessLog(const std::filesystem::path& file,
                     std::function<void(const Summary&)> on_summary)
    : on_summary_(std::move(on_summary)),
      path_(file),
      file_(open_file(file)),
      thread_([this] { run(); }) {}

AccessLog::~AccessLog() {
  for (const auto& [network, flood] : floods_) summarise(flood);
  summarise(others_);
  {
    const std::lock_guard lock(lines_mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

bool AccessLog::write(const AccessRecord& record) {
  if (is_flood(record)) return false;
  append(record.to_json());
  return true;
}

void AccessLog::append(const std::string& line) {
  bool were_few = false;
  bool are_many = false;
  {
    std::unique_lock lock(lines_mutex_);
    room_.wait(lock, [this] { return lines_.size() < kMost; });
    were_few = lines_.size() < kMany;
    lines_ += line;
    lines_ += '\n';
    are_many = lines_.size() >= kMany;
  }
  if (were_few && are_many) wake_.notify_one();
}

void AccessLog::run() {
  std::string lines;
  bool stopping = false;
  while (!stopping) {
    {
      std::unique_lock lock(lines_mutex_);
      wake_.wait_for(lock, kPause, [this] { return stopping_ || lines_.size() >= kMany; });
      lines.clear();
      lines.swap(lines_);  // whose memory is used again
      stopping = stopping_;
    }
    room_.notify_all();
    if (!lines.empty()) write_out(lines);
  }
}

void AccessLog::write_out(const std::string& lines) {
  try {
    // After a rotation that failed the sink has no file.
    if (!file_) file_ = open_file(path_);
    // What a failed write has left is no line.
    const auto text = problem_.empty() ? lines : '\n' + lines;
    file_->log({"access", spdlog::level::info, text});
    file_->flush();
    if (!std::exchange(problem_, "").empty()) spdlog::info("access.log: in order again");
  } catch (const std::exception& error) {
    file_.reset();
    if (std::exchange(problem_, error.what()) != error.what()) {
      spdlog::error("access.log cannot be written, and lacks lines that records.db has: {}",
                    problem_);
    }
  }
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
}

void AccessLog::summarise(const Flood& flood) {
  for (const auto& [status, count] : flood.left_out) {
    const nlohmann::ordered_json json = {{"time", format_time(wall_now())},
                                         {"event", "refusals summarised"},
                                         {"address", flood.name},
                                         {"status", status},
                                         {"count", count}};
    append(json.dump());
    if (on_summary_) on_summary_({flood.name, flood.address, status, count});
  }
}

}  // namespace layergate::records
