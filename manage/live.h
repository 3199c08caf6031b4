// What is in force, for an answer: the policy, and what the index knows. In a running proxy they
// are its own; otherwise as they stand on disk.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "acl/policy.h"
#include "config/config.h"
#include "index/shared_index.h"
#include "manage/failure.h"

namespace layergate::manage {

class Live {
 public:
  // In a running proxy. The index must outlive this.
  Live(std::shared_ptr<const acl::Policy> policy, const index::SharedIndex& index)
      : policy_(std::move(policy)), index_(&index) {}
  // From the files: everything, or what is known of one repository.
  static tl::expected<Live, Failure> from_files(const config::Config& config,
                                                const std::string& only_repository = "");

  [[nodiscard]] const acl::Policy& policy() const { return *policy_; }
  [[nodiscard]] const index::SharedIndex& index() const { return *index_; }

 private:
  std::shared_ptr<const acl::Policy> policy_;
  std::shared_ptr<const index::SharedIndex> own_;
  const index::SharedIndex* index_;
};

// The index as it stands in `state`; empty if the proxy never ran. Throws std::runtime_error.
std::unique_ptr<index::SharedIndex> read_index(const config::Config& config,
                                               const std::string& only_repository,
                                               std::vector<std::string>& once_covered);

}  // namespace layergate::manage
