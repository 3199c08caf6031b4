// From acl.yml and acl.d/*.yml to a policy: all of it or nothing.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "acl/draft.h"
#include "acl/policy.h"
#include "acl/warnings.h"
#include "base/problem.h"

namespace layergate::acl {

struct Source {
  std::string name;  // as problems and rules name it: "acl.yml", "acl.d/managed.yml"
  std::string text;
};

struct LoadResult {
  std::shared_ptr<const Policy> policy;  // null exactly if errors is not empty
  std::vector<Problem> errors;
  std::vector<Problem> warnings;
  // With `unregistered: push`: the patterns of the allow rules, sorted, each once. Who loads the
  // next policy has to hand them on as `once_covered`, for what was covered stays closed.
  std::vector<std::string> covered;
};

struct Draft;

// Reads acl_file and, beside it, acl.d/*.yml in the order of their names (names that start with a
// dot or do not end in .yml are skipped; one that cannot be read refuses the load). The policy's
// own `tests:` are run at time `now`.
LoadResult load(const std::filesystem::path& acl_file, WallTime now,
                const std::vector<std::string>& once_covered = {});

// The first half of load(): the texts as they stand on disk, for a change that is to be tried out
// before it is made.
struct Collected {
  std::vector<Source> sources;  // the first is acl_file's
  std::vector<Problem> errors;
};
Collected collect(const std::filesystem::path& acl_file);

// The same from texts; the first is acl.yml. REQUIRES: there is a first.
LoadResult parse(const std::vector<Source>& sources, WallTime now,
                 const std::vector<std::string>& once_covered = {});

// A policy together with the words that it was made of, for questions about it
// (acl/explanation.h, acl/lint.h, acl/diff.h). Its own tests were not run: it is not to be put in
// force.
struct OpenPolicy {
  Draft draft;
  std::shared_ptr<const Policy> policy;  // null exactly if errors is not empty
  const Policy::Impl* parts = nullptr;   // of the policy
  std::vector<Problem> errors;
  std::vector<Problem> warnings;
  Warnings at_any_time;
};
OpenPolicy open_policy(const std::vector<Source>& sources, WallTime now,
                       const std::vector<std::string>& once_covered = {});

// What parse() finds and, if there are no errors, what the policy is kept by.
struct Compiled {
  std::shared_ptr<const Policy> policy;
  const Policy::Impl* parts = nullptr;  // of the policy
  std::vector<TestDraft> tests;
  Warnings warnings;

  // As if its files were read now; nothing if one of its tests fails now: what has to be said of
  // that stands in the files.
  [[nodiscard]] std::optional<LoadResult> result(WallTime now) const;
};
struct Kept {
  LoadResult result;
  std::shared_ptr<const Compiled> compiled;
};
Kept parse_and_keep(const std::vector<Source>& sources, WallTime now,
                    const std::vector<std::string>& once_covered = {});

// What parse() finds, and what the files say word for word (acl/draft.h), for who shows or changes
// it; null if there are errors.
struct Opened {
  LoadResult result;
  std::shared_ptr<const Draft> draft;
};
Opened open(const std::vector<Source>& sources, WallTime now,
            const std::vector<std::string>& once_covered = {});

}  // namespace layergate::acl
