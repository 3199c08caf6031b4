#include "records/recorder.h"

#include <future>
#include <iterator>
#include <stdexcept>
#include <utility>

#include <nlohmann/json.hpp>
#include <spdlog/spdlog.h>

#include "base/read_file.h"
#include "records/anomalies.h"
#include "records/ledger.h"
#include "records/retention.h"
#include "records/webhook.h"

namespace layergate::records {
namespace {

constexpr std::size_t kBatch = 4096;  // rows of one transaction: nobody waits long for its end
constexpr std::chrono::milliseconds kPause{500};
constexpr std::chrono::seconds kRetry{1};
constexpr std::chrono::minutes kRetentionPause{10};
constexpr std::chrono::milliseconds kStepPause{5};  // between steps of the retention
constexpr std::size_t kLargestSecret = 4096;

std::unique_ptr<Webhook> make_webhook(const config::Records::Webhook& settings) {
  if (settings.url.empty()) return nullptr;
  std::string secret;
  if (!settings.secret_file.empty()) {
    auto text = read_file(settings.secret_file, kLargestSecret);
    if (!text) throw std::runtime_error("records.webhook.secret_file: " + text.error());
    secret = *std::move(text);
    while (!secret.empty() && (secret.back() == '\n' || secret.back() == '\r')) secret.pop_back();
    if (secret.empty()) {
      throw std::runtime_error("records.webhook.secret_file: " + settings.secret_file.string() +
                               " is empty");
    }
  }
  return std::make_unique<Webhook>(settings.url, std::move(secret));
}

}  // namespace

Recorder::Recorder(const config::Config& config)
    : required_(config.records.required),
      ledger_(std::make_unique<Ledger>(database_in(config.state))),
      anomalies_(std::make_unique<Anomalies>(*ledger_, config.records.anomalies)),
      retention_(std::make_unique<Retention>(*ledger_, config.records.retention)),
      webhook_(make_webhook(config.records.webhook)),
      others_({kMostWaiting, kMergeFrom}) {}

Recorder::~Recorder() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void Recorder::start() {
  thread_ = std::thread([this] { run(); });
}

// --- from the loops

void Recorder::record(Row row) {
  bool is_much = false;
  {
    const std::lock_guard lock(mutex_);
    const auto requests = static_cast<std::uint64_t>(row.requests);
    if (!others_.push(std::move(row))) {
      not_taken_ += requests;
      lost_ += requests;
      return;
    }
    is_much = others_.size() == kBatch;
  }
  if (is_much) wake_.notify_one();
}

void Recorder::record_durably(Row row, Done done) {
  {
    const std::lock_guard lock(mutex_);
    awaited_.push_back({std::move(row), std::move(done)});
  }
  wake_.notify_one();
}

tl::expected<void, std::string> Recorder::record_now(Row row) {
  auto written = std::make_shared<std::promise<bool>>();
  auto result = written->get_future();
  record_durably(std::move(row), [written](bool is_written) { written->set_value(is_written); });
  if (result.get() || !required_) return {};
  return tl::unexpected(status().problem);
}

Recorder::Status Recorder::status() const {
  const std::lock_guard lock(mutex_);
  return {problem_, written_, lost_, awaited_.size() + others_.size()};
}

// --- the thread

void Recorder::run() {
  bool stopping = false;
  auto pause = kPause;
  while (!stopping) {
    {
      std::unique_lock lock(mutex_);
      wake_.wait_for(lock, pause, [this] {
        return stopping_ || !awaited_.empty() ||
               (others_.size() >= kBatch && Clock::now() >= retry_at_);
      });
      stopping = stopping_;
    }
    if (stopping) retry_at_ = {};
    bool more = true;
    while (more) {
      more = write_awaited();
      more = write_others() || more;
    }
    count_lost();
    pause = !stopping && keep_in_bounds() ? kStepPause : kPause;
  }
  const auto left = status();
  if (left.waiting > 0) {
    spdlog::error("records: {} rows are lost: {}", left.waiting, left.problem);
  }
  tell_head(true);
}

bool Recorder::write_awaited() {
  std::deque<Waiter> taken;
  {
    const std::lock_guard lock(mutex_);
    taken = std::exchange(awaited_, {});
  }
  if (taken.empty()) return false;
  std::vector<Row> rows;
  rows.reserve(taken.size());
  for (auto& waiter : taken) rows.push_back(std::move(waiter.row));
  const bool written = append(rows);
  for (const auto& waiter : taken) waiter.done(written);
  if (written) {
    examine(rows);
  } else {
    // What they tell of has happened.
    put_back(std::move(rows));
  }
  return written;
}

bool Recorder::write_others() {
  if (Clock::now() < retry_at_) return false;
  std::vector<Row> rows;
  {
    const std::lock_guard lock(mutex_);
    rows = others_.take(kBatch);
  }
  if (rows.empty()) return false;
  if (!append(rows)) {
    put_back(std::move(rows));
    return false;
  }
  examine(rows);
  // The others gather until the pause is over: what is equal among them costs one row.
  return rows.size() == kBatch;
}

void Recorder::put_back(std::vector<Row> rows) {
  const std::lock_guard lock(mutex_);
  const auto surplus = others_.put_back(std::move(rows));
  not_taken_ += surplus;
  lost_ += surplus;
}

bool Recorder::append(std::vector<Row>& rows) {
  try {
    ledger_->append(rows);
    written_ += rows.size();
    set_problem("");
    return true;
  } catch (const std::exception& error) {
    set_problem(std::string("records.db cannot be written") +
                (required_ ? ", so nothing can be pushed or deleted: " : ": ") + error.what());
    retry_at_ = Clock::now() + kRetry;
    return false;
  }
}

// Once there is room again.
void Recorder::count_lost() {
  Row row;
  {
    const std::lock_guard lock(mutex_);
    if (not_taken_ == 0 || others_.size() > kMostWaiting / 2) return;
    row.requests = static_cast<std::int64_t>(std::exchange(not_taken_, 0));
  }
  row.at = wall_now();
  row.user = kItself;
  row.verified = true;
  row.action = "records.lost";
  row.detail = "more requests than could be written; these are missing";
  row.complete = false;
  spdlog::error("records: {} requests are missing: more than could be written", row.requests);
  record(std::move(row));
}

void Recorder::examine(const std::vector<Row>& rows) {
  try {
    for (const auto& anomaly : anomalies_->examine(rows)) {
      spdlog::warn("unusual: {} {} {}: {}", anomaly.kind, anomaly.user, anomaly.address,
                   anomaly.detail);
      if (!webhook_) continue;
      nlohmann::ordered_json body = {{"event", "anomaly"}};
      body.update(to_json(anomaly));
      webhook_->send(body.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
    }
    anomalies_problem_.clear();
  } catch (const std::exception& error) {
    if (std::exchange(anomalies_problem_, error.what()) != error.what()) {
      spdlog::error("records: unusual use cannot be noted: {}", error.what());
    }
  }
}

bool Recorder::keep_in_bounds() {
  const auto now = Clock::now();
  if (failing_ || now < retention_at_) return false;
  tell_head(false);
  try {
    if (retention_->step(wall_now())) return true;
    retention_problem_.clear();
  } catch (const std::exception& error) {
    if (std::exchange(retention_problem_, error.what()) != error.what()) {
      spdlog::error("records: what is too old cannot be removed: {}", error.what());
    }
  }
  retention_at_ = now + kRetentionPause;
  return false;
}

// Once a day, and at the end, for `audit verify --expect`: the log is in other hands than the file.
void Recorder::tell_head(bool is_end) {
  const auto today = day_of(wall_now());
  if (head_told_ == today && !is_end) return;
  try {
    const auto head = head_of(ledger_->database());
    spdlog::info("records: the chain is at {}:{}", head.id, to_hex(head.hash));
    head_told_ = today;
  } catch (const std::exception& error) {
    spdlog::error("records: {}", error.what());
  }
}

void Recorder::set_problem(const std::string& problem) {
  failing_ = !problem.empty();
  const std::lock_guard lock(mutex_);
  if (problem != problem_) {
    if (problem.empty()) {
      spdlog::info("records: in order again");
    } else {
      spdlog::error("records: {}", problem);
    }
  }
  problem_ = problem;
}

}  // namespace layergate::records
