#include "acl/arrange.h"

#include <algorithm>
#include <tuple>

namespace layergate::acl {

void arrange(std::vector<Problem>& problems, const std::vector<std::string>& files,
             std::size_t most, std::size_t more) {
  const auto rank = [&](const Problem& problem) {
    return std::find(files.begin(), files.end(), problem.file) - files.begin();
  };
  std::stable_sort(problems.begin(), problems.end(), [&](const Problem& a, const Problem& b) {
    return std::tuple(rank(a), a.line, a.column) < std::tuple(rank(b), b.line, b.column);
  });
  if (problems.size() > most) {
    more += problems.size() - most;
    problems.resize(most);
  }
  if (more == 0) return;
  problems.push_back(
      {problems.back().file, 0, 0, "and " + std::to_string(more) + " more of such problems", ""});
}

}  // namespace layergate::acl
