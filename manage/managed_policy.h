// Changes acl.d/managed.yml, the one policy file that this program writes.
//
// Writers exclude each other by flock() on acl.d/.managed.lock; readers see the old file or the new
// one, and the one before stays as acl.d/.managed.yml.previous. A change that the whole policy (its
// own tests included) does not take is not made.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "acl/draft.h"
#include "acl/loader.h"
#include "acl/policy.h"
#include "base/yaml.h"
#include "manage/failure.h"

namespace layergate::manage {

inline constexpr std::string_view kManagedFile = "acl.d/managed.yml";

// The policy as its files stand.
struct PolicyFiles {
  std::shared_ptr<const acl::Policy> policy;
  std::shared_ptr<const acl::Draft> draft;

  // "acl.yml:12"
  [[nodiscard]] std::string place(const acl::Place& place) const {
    return draft->sources[place.source] + ":" + std::to_string(place.line);
  }
  [[nodiscard]] bool is_managed(const acl::Place& place) const {
    return draft->sources[place.source] == kManagedFile;
  }
};

// Fails with Kind::invalid and all that is wrong.
tl::expected<PolicyFiles, Failure> read_policy_files(
    const std::filesystem::path& acl_file, const std::vector<std::string>& once_covered = {});

// On which terms a change is asked for.
struct Terms {
  bool dry_run = false;  // all is checked, nothing is written
  // Asked first, while no other change can come between. May be empty, as the next one.
  std::function<Done(const PolicyFiles& present)> precondition;
  // Called once all is checked, before the first thing is written; what it refuses is not done.
  std::function<Done()> announce;
};

struct PolicyChange {
  // Changes the tree, which is a null node if there is no file yet, or says why not.
  std::function<Done(yaml::Node& root, const PolicyFiles& present)> edit;
  // Runs when the changed policy was found to be valid, before it is written, and may still refuse:
  // for what has to be written elsewhere first. May be empty.
  std::function<Done()> before_write;
};

// Returns the policy as it is after the change. A tree that is as it was is not written.
tl::expected<PolicyFiles, Failure> change_managed_policy(const std::filesystem::path& acl_file,
                                                         const PolicyChange& change,
                                                         const Terms& terms = {});

}  // namespace layergate::manage
