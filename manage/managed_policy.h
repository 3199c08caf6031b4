// Changes acl.d/managed.yml, the one policy file that this program writes.
//
// Writers exclude each other by flock() on acl.d/.managed.lock; readers see the old file or the new
// one. A change that the whole policy (its own tests included) does not take is not made.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>

#include <tl/expected.hpp>

#include "acl/policy.h"
#include "base/yaml.h"
#include "manage/failure.h"

namespace layergate::manage {

// `edit` changes the tree, or says why not; it may be a null node, for a file that is not there
// yet. `present` is the whole policy before the change. `before_write`, if there is one, runs when
// the changed policy was found to be valid and before it is written, and may still refuse.
tl::expected<void, Failure> change_managed_policy(
    const std::filesystem::path& acl_file,
    const std::function<std::optional<Failure>(yaml::Node& root, const acl::Policy& present)>& edit,
    const std::function<std::optional<Failure>()>& before_write = {});

}  // namespace layergate::manage
