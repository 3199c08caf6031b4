// The policies that the acl verbs work on: files, not what a gate has in force.
#pragma once

#include <optional>
#include <string>

#include "acl/loader.h"
#include "cli/command.h"
#include "config/config.h"

namespace layergate::cli {

struct PolicyArgument {
  std::filesystem::path file;            // acl.yml; acl.d beside it belongs to it
  std::optional<config::Config> config;  // if a whole config dir was named
};

// A config dir, another directory with an acl.yml, or a file; empty: the config dir of the global
// options. The exit code, if there is none; it was printed why.
tl::expected<PolicyArgument, int> find_policy(const Globals& globals, const std::string& given);

// The policy, whether or not its tests pass, at that moment; prints nothing.
acl::OpenPolicy read_policy(const PolicyArgument& argument, WallTime now,
                            const std::vector<std::string>& once_covered = {});

// The same; prints its errors.
tl::expected<acl::OpenPolicy, int> open_policy(const PolicyArgument& argument, WallTime now,
                                               const std::vector<std::string>& once_covered = {});

}  // namespace layergate::cli
