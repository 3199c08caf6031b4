#include "admin/path.h"

#include <utility>

#include "base/percent.h"
#include "base/utf8.h"

namespace layergate::admin {

std::optional<std::vector<std::string>> split_path(std::string_view path) {
  std::vector<std::string> segments;
  if (!path.starts_with('/')) return std::nullopt;
  if (path == "/") return segments;
  while (!path.empty()) {
    path.remove_prefix(1);
    const auto end = std::min(path.find('/'), path.size());
    auto segment = percent_decode(path.substr(0, end), Plus::is_itself);
    if (!segment || segment->empty() || *segment == "." || *segment == ".." || !is_utf8(*segment)) {
      return std::nullopt;
    }
    segments.push_back(*std::move(segment));
    path.remove_prefix(end);
  }
  return segments;
}

}  // namespace layergate::admin
