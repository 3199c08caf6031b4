// The compiled form of the policy in force, kept beside the state (policy.compiled), so that a
// large policy need not be read from YAML again at the next start.
//
// It holds for the very bytes of acl.yml and acl.d/*.yml, for what was covered before, and for this
// build of the program; all of these are in its key. It is looked at only if it is ours and nobody
// else may write it, and whatever is doubtful about it ends in the YAML being read. It may be
// removed at any time.
//
// Thread safety: belongs to one thread; writing is done by one of its own.
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "acl/loader.h"
#include "base/clock.h"
#include "base/task_pool.h"

namespace layergate::proxy {

class PolicyFile {
 public:
  struct Loaded {
    acl::LoadResult result;
    bool was_compiled = false;  // it came from the file
    std::string sources;        // the hash of what was read
    std::shared_ptr<const acl::Compiled>
        to_keep;  // what may be kept; null if it came from the file
  };

  // A smaller policy (rules and accounts together) is read from YAML in no time.
  static constexpr std::size_t kWorthwhile = 5000;

  // `program` says which program compiled; if it is empty nothing is kept.
  PolicyFile(std::filesystem::path file, std::string program, std::size_t worthwhile = kWorthwhile);

  // What acl::load() answers.
  [[nodiscard]] Loaded load(const std::filesystem::path& acl_file, WallTime now,
                            const std::vector<std::string>& once_covered) const;

  // Has it written, for the next load; a later call replaces one that still waits. Of a small
  // policy the file is removed instead. REQUIRES: the policy is in force. `once_covered`: what the
  // next load will be told, which is what this one was told and the policy's own patterns; so it
  // makes no difference to what is covered.
  void keep(const Loaded& loaded, const std::vector<std::string>& once_covered);

 private:
  struct Job {
    std::shared_ptr<const acl::Compiled> compiled;
    std::string key;
  };

  [[nodiscard]] std::string key_of(const std::string& sources,
                                   const std::vector<std::string>& once_covered) const;
  // The error is empty if there is nothing to warn of.
  [[nodiscard]] tl::expected<acl::Compiled, std::string> read(const std::string& key) const;
  void write_latest();
  void write(const Job& job) const;
  void remove_leftovers() const;

  const std::filesystem::path file_;
  const std::string program_;
  const std::size_t worthwhile_;
  std::mutex mutex_;
  Job latest_;       // what waits to be written; guarded by mutex_
  TaskPool writer_;  // last: its thread uses the others
};

}  // namespace layergate::proxy
