#include "storage/storage.h"

#include <utility>

#include <spdlog/spdlog.h>

#include "storage/layout.h"

namespace layergate::storage {
namespace {

constexpr std::chrono::minutes kBetween{1};

// What the log says of it; nothing where it says nothing about the storage.
std::string_view sentence_of(Miss miss) {
  switch (miss) {
    case Miss::no_root:
      return "the directory is not there, or cannot be read";
    case Miss::bad_link:
      return "the link of the blob is no file with its digest";
    case Miss::no_regular_file:
      return "the blob's file is a symbolic link, a directory or a pipe";
    case Miss::unreadable:
      return "a file may not be read by this user";
    case Miss::empty:
      return "the blob's file is empty";
    case Miss::failed:
      return "the disk failed";
    case Miss::slow:
      return "the disk did not answer in time";
    case Miss::would_wait:
    case Miss::no_link:
    case Miss::no_file:
    case Miss::unverified:
    case Miss::damaged:  // which the verifier says once
    case Miss::unusual:
      return "";
  }
  return "";
}

}  // namespace

std::optional<Problem> check(const config::Storage& config) {
  if (config.root.empty()) return std::nullopt;
  auto what = problem_of(config.root);
  if (!what && config.mode == config::StorageMode::write) what = problem_of_writing(config.root);
  if (!what) return std::nullopt;
  return Problem{"layergate.yml", config.line, config.column,
                 "upstream.storage: " + config.root.string() + " " + *what, ""};
}

Storage::Storage(const config::Storage& config, std::size_t clients)
    : files_(config.root),
      verifies_(config.verify == config::Verify::first),
      verifier_(files_),
      pool_(kThreads, clients) {}

tl::expected<BlobFile, Miss> Storage::find(std::string_view repository, std::string_view digest,
                                           Wait wait, bool is_wanted) {
  auto file = files_.find(repository, digest, wait);
  if (file || file.error() != Miss::would_wait) {
    is_gone_ = !file && file.error() == Miss::no_root;
  }
  if (!file || !verifies_) return file;
  const auto verdict = verifier_.verdict(file->identity, digest);
  if (verdict && *verdict) return file;
  if (!verdict && is_wanted) verifier_.read(repository, digest);
  return tl::unexpected<Miss>(verdict ? Miss::damaged : Miss::unverified);
}

std::optional<std::uint64_t> Storage::may_tell(Told& told) {
  const auto now = Clock::now();
  const std::lock_guard lock(mutex_);
  if (told.at && now - *told.at < kBetween) {
    ++told.kept_back;
    return std::nullopt;
  }
  told.at = now;
  return std::exchange(told.kept_back, 0);
}

void Storage::note(Miss miss, std::string_view repository, std::string_view digest) {
  const auto kind = static_cast<std::size_t>(miss);
  ++misses_[kind];
  const auto sentence = sentence_of(miss);
  if (sentence.empty()) return;
  const auto kept_back = may_tell(told_[kind]);
  if (!kept_back) return;
  spdlog::warn("storage: {}: {} ({}@{}); the registry is asked instead{}", files_.root().string(),
               sentence, repository, digest,
               *kept_back == 0 ? "" : fmt::format("; {} more since the last time", *kept_back));
}

void Storage::note_cut(std::string_view repository, std::string_view digest, std::string_view why) {
  ++cut_;
  const auto kept_back = may_tell(told_of_cuts_);
  if (!kept_back) return;
  spdlog::error("storage: {}: {} ({}@{}); the transfer is cut off{}", files_.root().string(), why,
                repository, digest,
                *kept_back == 0 ? "" : fmt::format("; {} more since the last time", *kept_back));
}

std::string Storage::problem() const {
  return is_gone_ ? files_.root().string() + " is not there, or cannot be read" : "";
}

std::string Storage::metrics_text() const {
  const auto head = [](const char* name, const char* help) {
    return std::string("# HELP ") + name + " " + help + "\n# TYPE " + name + " counter\n";
  };
  const auto counter = [&](const char* name, const char* help, std::uint64_t value) {
    return head(name, help) + name + " " + std::to_string(value) + "\n";
  };
  std::string out =
      counter("layergate_storage_served_total", "Blobs answered from the registry's files.",
              served_) +
      counter("layergate_storage_bytes_total", "Bytes of bodies sent from them.", bytes_) +
      counter("layergate_storage_cut_total", "Transfers cut off because the file changed.", cut_) +
      counter("layergate_storage_verified_total", "Files that hold the bytes of their digest.",
              verifier_.good()) +
      counter("layergate_storage_damaged_total", "Files that do not.", verifier_.bad()) +
      head("layergate_storage_missed_total",
           "Requests of blobs that were not answered from the registry's files.");
  for (const auto miss : kMisses) {
    if (miss == Miss::would_wait) continue;
    out += "layergate_storage_missed_total{reason=\"" + std::string(to_string(miss)) + "\"} " +
           std::to_string(misses_[static_cast<std::size_t>(miss)]) + "\n";
  }
  return out;
}

}  // namespace layergate::storage
