#include "storage/verifier.h"

#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <thread>
#include <vector>

#include <spdlog/spdlog.h>

#include "storage/hash.h"
#include "storage/layout.h"

namespace layergate::storage {
namespace {

constexpr std::size_t kPiece = 512U << 10U;
// Of a file's times, at the most (a kernel's tick).
constexpr std::chrono::milliseconds kGranularity{20};

}  // namespace

std::size_t Verifier::Hasher::operator()(const Key& key) const {
  const auto& file = key.file;
  std::uint64_t value = key.digest.hash();
  for (const auto part :
       {file.device, file.inode, file.size, static_cast<std::uint64_t>(file.modified),
        static_cast<std::uint64_t>(file.changed)}) {
    value = (value ^ part) * 0x9e3779b97f4a7c15ULL;
  }
  return static_cast<std::size_t>(value);
}

std::optional<bool> Verifier::verdict(const FileIdentity& file, std::string_view digest) const {
  const Key key{file, oci::key_of(digest)};
  const std::lock_guard lock(mutex_);
  const auto found = verdicts_.find(key);
  return found == verdicts_.end() ? std::nullopt : std::optional(found->second);
}

void Verifier::read(std::string_view repository, std::string_view digest) {
  std::string name(digest);
  {
    const std::lock_guard lock(mutex_);
    if (!reading_.insert(name).second) return;
  }
  const bool is_taken = pool_.submit([this, in = std::string(repository), name] {
    const auto found = read_now(in, name);
    const std::lock_guard lock(mutex_);
    // In one step: who sees the verdict may ask for the next one at once.
    if (found) {
      remember(found->first, found->second);
      ++(found->second ? good_ : bad_);
    }
    reading_.erase(name);
  });
  if (is_taken) return;
  const std::lock_guard lock(mutex_);
  reading_.erase(name);
}

void Verifier::trust(const FileIdentity& file, std::string_view digest) {
  const std::lock_guard lock(mutex_);
  remember({file, oci::key_of(digest)}, true);
}

std::optional<std::pair<Verifier::Key, bool>> Verifier::read_now(const std::string& repository,
                                                                 const std::string& digest) {
  const auto file = files_.find(repository, digest, Wait::yes);
  if (!file) return std::nullopt;
  if (verdict(file->identity, digest)) return std::nullopt;
  const auto is_good = compare(*file, digest);
  if (!is_good) return std::nullopt;
  if (!*is_good) {
    spdlog::error(
        "storage: {} is damaged: its bytes are not those of {}; it is not served any more. Remove "
        "it and push the blob again, or bring it back from a backup",
        (files_.root() / blob_path(file->digest)).string(), digest);
  }
  return std::pair(Key{file->identity, oci::key_of(digest)}, *is_good);
}

std::optional<bool> Verifier::compare(const BlobFile& file, const std::string& digest) const {
  auto hash = Hash::like(digest);
  // A change in the same tick as the last one would show in no time.
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  if (now - std::chrono::nanoseconds(file.identity.changed) < kGranularity) {
    std::this_thread::sleep_for(kGranularity);
  }
  std::vector<char> piece(kPiece);
  std::uint64_t at = 0;
  while (true) {
    if (stopping_) return std::nullopt;
    const auto bytes = ::pread(file.fd.get(), piece.data(), piece.size(), static_cast<off_t>(at));
    if (bytes < 0 && errno == EINTR) continue;
    if (bytes < 0) return std::nullopt;
    if (bytes == 0) break;
    at += static_cast<std::uint64_t>(bytes);
    hash.add({piece.data(), static_cast<std::size_t>(bytes)});
  }
  const auto found = hash.finish();
  if (found.empty()) return std::nullopt;
  // Somebody wrote to it while it was read: what was read is of no one state.
  if (identity_of(file.fd.get()) != file.identity) return std::nullopt;
  return found == digest;
}

void Verifier::remember(const Key& key, bool is_good) {
  if (!verdicts_.emplace(key, is_good).second) return;
  order_.push_back(key);
  if (order_.size() <= kMost) return;
  verdicts_.erase(order_.front());
  order_.pop_front();
}

}  // namespace layergate::storage
