#include "acl/warnings.h"

#include <utility>

#include "acl/arrange.h"
#include "acl/pitfalls.h"

namespace layergate::acl {
namespace {

constexpr std::size_t kMost = 200;

}  // namespace

Warnings Warnings::of(const Draft& draft) {
  Warnings warnings;
  warnings.files = draft.sources;
  for (auto& [finding, from, until] : pitfalls_at_any_time(draft)) {
    if (from == WallTime::min() && until == WallTime::max()) {
      warnings.always.push_back(std::move(finding.problem));
    } else {
      warnings.timed.push_back({std::move(finding.problem), from, until});
    }
  }
  const auto all = warnings.always.size();
  arrange(warnings.always, warnings.files, all);  // all of them: at() tells how many it leaves out
  if (all > kMost) {
    warnings.always.resize(kMost);
    warnings.more = all - kMost;
  }
  return warnings;
}

std::vector<Problem> Warnings::at(WallTime now) const {
  auto problems = always;
  for (const auto& each : timed) {
    if (each.from <= now && now < each.until) problems.push_back(each.problem);
  }
  arrange(problems, files, kMost, more);
  return problems;
}

}  // namespace layergate::acl
