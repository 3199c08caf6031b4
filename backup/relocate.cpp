#include "backup/relocate.h"

#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include "base/yaml.h"

namespace layergate::backup {
namespace {

namespace fs = std::filesystem;
using manage::failed;
using manage::Failure;

tl::unexpected<Failure> invalid(const std::vector<Problem>& problems) {
  std::string text;
  for (const auto& problem : problems) {
    text += (text.empty() ? "" : "\n") + problem.to_string();
  }
  return failed(Failure::Kind::invalid, std::move(text));
}

// The bytes of a scalar on one line. Nothing for one that is continued on the next.
std::optional<std::pair<std::size_t, std::size_t>> extent_of(std::string_view text,
                                                             const yaml::Node& value) {
  std::size_t at = 0;
  for (int line = 1; line < value.line; ++line) {
    at = text.find('\n', at);
    if (at == std::string_view::npos) return std::nullopt;
    ++at;
  }
  at += static_cast<std::size_t>(value.column) - 1;
  const auto end_of_line = text.substr(0, text.find('\n', at)).size();
  if (at >= end_of_line) return std::nullopt;
  const auto rest = text.substr(at, end_of_line - at);
  std::size_t size = value.scalar.size();
  if (rest.front() == '"' || rest.front() == '\'') {
    const auto close = rest.find(rest.front(), 1);
    if (close == std::string_view::npos) return std::nullopt;
    size = close + 1;
  } else if (!rest.starts_with(value.scalar)) {
    return std::nullopt;
  }
  return std::pair{at, size};
}

std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("''") : std::string(1, c);
  return out + "'";
}

struct Place {
  std::array<const char*, 2> keys;  // the second is null for a key of the file itself
  fs::path config::Config::*path;
  std::string member;

  [[nodiscard]] std::string name() const {
    return keys[1] == nullptr ? keys[0] : std::string(keys[0]) + "." + keys[1];
  }
  [[nodiscard]] const yaml::Node* find(const yaml::Node& root) const {
    const auto* node = root.find(keys[0]);
    return node == nullptr || keys[1] == nullptr ? node : node->find(keys[1]);
  }
};

}  // namespace

tl::expected<Relocated, Failure> relocate(const std::string& text, const fs::path& dir,
                                          const Manifest& manifest) {
  const Place places[] = {
      {{"state", nullptr}, &config::Config::state, "state"},
      {{"acl", nullptr}, &config::Config::acl, manifest.acl},
      {{"auth", "htpasswd"}, &config::Config::htpasswd, manifest.htpasswd},
  };
  const auto conf = fs::absolute(dir).lexically_normal() / "conf";
  Relocated result{{}, text, {}};
  for (const auto& place : places) {
    auto loaded = config::parse(result.text, conf);
    if (!loaded.config) return invalid(loaded.errors);
    const auto wanted = (conf / ".." / place.member).lexically_normal();
    if ((*loaded.config).*place.path == wanted) continue;
    const auto written = wanted.lexically_relative(conf).string();
    const auto unable = [&] {
      return failed(Failure::Kind::invalid, "layergate.yml: " + place.name() +
                                                " cannot be changed to " + written +
                                                ": write its value on one line, plainly");
    };
    const auto tree = yaml::parse(result.text, "layergate.yml");
    if (!tree) return invalid({tree.error()});
    const auto* value = place.find(*tree);
    const auto extent = value == nullptr ? std::nullopt : extent_of(result.text, *value);
    if (!extent) return unable();
    result.text.replace(extent->first, extent->second, quoted(written));
    loaded = config::parse(result.text, conf);
    if (!loaded.config || (*loaded.config).*place.path != wanted) return unable();
    result.changed.push_back(place.name() + ": " + written);
  }
  auto loaded = config::parse(result.text, conf);
  if (!loaded.config) return invalid(loaded.errors);
  result.config = *std::move(loaded.config);
  return result;
}

}  // namespace layergate::backup
