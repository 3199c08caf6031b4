// What loading a policy warns of, at any time: some of it depends on the hour (what has expired).
//
// Thread safety: immutable once made.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "acl/draft.h"
#include "base/clock.h"
#include "base/problem.h"

namespace layergate::acl {

struct Warnings {
  struct Timed {
    Problem problem;
    WallTime from;
    WallTime until;  // no longer then
  };

  std::vector<std::string> files;
  std::vector<Problem> always;  // in the order of the files, and only the first ones
  std::size_t more = 0;         // others that hold always
  std::vector<Timed> timed;

  // Those of acl/pitfalls.h. REQUIRES: resolve() was there.
  static Warnings of(const Draft& draft);
  // In the order of the files, not more than people read.
  [[nodiscard]] std::vector<Problem> at(WallTime now) const;
};

}  // namespace layergate::acl
