#include "proxy/policy_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <system_error>
#include <utility>

#include <spdlog/spdlog.h>

#include "acl/compiled_form.h"
#include "base/atomic_file.h"
#include "base/fd.h"
#include "base/sha256.h"
#include "base/why_not.h"

namespace layergate::proxy {
namespace {

namespace fs = std::filesystem;

constexpr mode_t kMode = 0600;
constexpr std::size_t kLargest = std::size_t{4} << 30;
constexpr std::string_view kFormVersion = "2";

// With their lengths, so that no two lists are alike.
void add_text(Sha256& hash, std::string_view text) {
  hash.add(std::to_string(text.size()) + ":");
  hash.add(text);
}

std::string hash_of(const std::vector<acl::Source>& sources) {
  Sha256 hash;
  for (const auto& [name, text] : sources) {
    add_text(hash, name);
    add_text(hash, text);
  }
  return hash.hex();
}

// Nothing if nobody but us can have written it; else the end of a sentence.
std::optional<std::string> fault_of(const struct stat& status) {
  if (!S_ISREG(status.st_mode)) return "is not a regular file";
  if (status.st_uid != ::geteuid()) return "belongs to another account";
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) return "may be written by others";
  return std::nullopt;
}

bool read_to(int fd, std::string& text, std::size_t size) {
  auto filled = text.size();
  text.resize(size);
  while (filled < size) {
    const auto got = ::read(fd, text.data() + filled, size - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    filled += static_cast<std::size_t>(got);
  }
  return true;
}

}  // namespace

PolicyFile::PolicyFile(fs::path file, std::string program, std::size_t worthwhile)
    : file_(std::move(file)), program_(std::move(program)), worthwhile_(worthwhile), writer_(1, 1) {
  if (program_.empty()) {
    spdlog::info("the program has no build id: no compiled form of the policy is kept");
  }
}

std::string PolicyFile::key_of(const std::string& sources,
                               const std::vector<std::string>& once_covered) const {
  Sha256 hash;
  add_text(hash, kFormVersion);
  add_text(hash, program_);
  add_text(hash, sources);
  for (const auto& pattern : once_covered) add_text(hash, pattern);
  return hash.hex();
}

tl::expected<acl::Compiled, std::string> PolicyFile::read(const std::string& key) const {
  const auto refused = [](std::string why) { return tl::unexpected(std::move(why)); };
  const Fd fd(::open(file_.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY));
  if (!fd) return refused(errno == ENOENT ? "" : "cannot be opened");
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return refused("cannot be examined");
  if (auto fault = fault_of(status)) return refused(*std::move(fault));
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size < acl::kFormHead) return refused("is damaged: it is too short");
  if (size > kLargest) return refused("is too large");
  std::string bytes;
  bytes.reserve(size);
  if (!read_to(fd.get(), bytes, acl::kFormHead)) return refused("cannot be read");
  if (!acl::is_form_of(bytes, key)) {
    spdlog::info("{}: is of other files or another build; the policy is read from its files",
                 file_.string());
    return refused("");
  }
  if (!read_to(fd.get(), bytes, size)) return refused("cannot be read");
  return acl::from_form(bytes, key);
}

PolicyFile::Loaded PolicyFile::load(const fs::path& acl_file, WallTime now,
                                    const std::vector<std::string>& once_covered) const {
  auto [sources, errors] = acl::collect(acl_file);
  if (!errors.empty()) return {{nullptr, std::move(errors), {}, {}}, false, "", nullptr};
  auto hash = hash_of(sources);
  if (!program_.empty()) {
    const auto compiled = read(key_of(hash, once_covered));
    if (compiled) {
      if (auto result = compiled->result(now)) {
        return {*std::move(result), true, std::move(hash), nullptr};
      }
    } else if (!compiled.error().empty()) {
      spdlog::warn("{}: {}; the policy is read from its files", file_.string(), compiled.error());
    }
  }
  auto [result, to_keep] = acl::parse_and_keep(sources, now, once_covered);
  return {std::move(result), false, std::move(hash), std::move(to_keep)};
}

void PolicyFile::keep(const Loaded& loaded, const std::vector<std::string>& once_covered) {
  if (program_.empty() || !loaded.to_keep) return;
  const auto& policy = *loaded.to_keep->policy;
  const bool is_worthwhile = policy.rule_count() + policy.accounts().size() > worthwhile_;
  {
    const std::lock_guard lock(mutex_);
    latest_ = {is_worthwhile ? loaded.to_keep : nullptr, key_of(loaded.sources, once_covered)};
  }
  // Without room there is one that waits: it will take this.
  [[maybe_unused]] const bool taken = writer_.submit([this] { write_latest(); });
}

void PolicyFile::write_latest() {
  Job job;
  {
    const std::lock_guard lock(mutex_);
    std::swap(job, latest_);
  }
  if (job.key.empty()) return;
  try {
    write(job);
  } catch (const std::exception& error) {
    spdlog::warn("{}: cannot be written: {}", file_.string(), error.what());
  }
}

void PolicyFile::write(const Job& job) const {
  remove_leftovers();
  struct stat status {};
  const bool exists = ::lstat(file_.c_str(), &status) == 0;
  // What is replaced would keep its mode and its owner.
  const bool is_good = exists && !fault_of(status) && (status.st_mode & 07777) == kMode;
  if (exists && (!job.compiled || !is_good) && ::unlink(file_.c_str()) != 0) {
    spdlog::warn("{}", why_not("remove", file_));
    return;
  }
  if (!job.compiled) return;
  const auto done = write_file_atomically(file_, acl::to_form(*job.compiled, job.key), kMode);
  if (done) {
    spdlog::info("{}: the policy's compiled form was written", file_.string());
  } else {
    spdlog::warn("the policy's compiled form is not kept: {}", done.error());
  }
}

// Temporary files of a process that was killed while it wrote. The state has one owner, so nobody
// is writing them now.
void PolicyFile::remove_leftovers() const {
  const auto prefix = "." + file_.filename().string() + ".";
  std::error_code error;
  fs::directory_iterator at(file_.parent_path(), error);
  for (; !error && at != fs::directory_iterator{}; at.increment(error)) {
    std::error_code ignored;
    if (at->path().filename().string().starts_with(prefix)) fs::remove(at->path(), ignored);
  }
}

}  // namespace layergate::proxy
