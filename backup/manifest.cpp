#include "backup/manifest.h"

#include <algorithm>
#include <array>
#include <set>

#include <nlohmann/json.hpp>

namespace layergate::backup {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kFormat = "layergate-backup";
constexpr int kVersion = 1;
constexpr std::array<std::string_view, 4> kRoots{"conf/", "state/", "acl/", "auth/"};

bool is_sha256(const std::string& text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

// Throws nlohmann's exceptions for what is missing or of another type.
Member member_of(const Json& json) {
  return {json.at("path").get<std::string>(), json.at("size").get<std::uint64_t>(),
          json.at("mode").get<mode_t>() & 0777U, json.at("sha256").get<std::string>()};
}

}  // namespace

bool is_member_path(std::string_view path) {
  if (path.find('\0') != std::string_view::npos || path.size() > 4096) return false;
  if (std::none_of(kRoots.begin(), kRoots.end(),
                   [&](std::string_view root) { return path.starts_with(root); })) {
    return false;
  }
  for (;;) {
    const auto slash = path.find('/');
    const auto part = path.substr(0, slash);
    if (part.empty() || part == "." || part == "..") return false;
    if (slash == std::string_view::npos) return true;
    path.remove_prefix(slash + 1);
  }
}

std::string to_json(const Manifest& manifest) {
  auto files = Json::array();
  for (const auto& member : manifest.members) {
    files.push_back({{"path", member.path},
                     {"size", member.size},
                     {"mode", member.mode},
                     {"sha256", member.sha256}});
  }
  const Json json{
      {"format", kFormat},   {"version", kVersion},           {"made", format_time(manifest.made)},
      {"acl", manifest.acl}, {"htpasswd", manifest.htpasswd}, {"files", std::move(files)}};
  // A file's name need not be UTF-8; such a one is refused before it gets here.
  return json.dump(2) + "\n";
}

tl::expected<Manifest, std::string> parse_manifest(std::string_view text) {
  const auto wrong = [](std::string what) { return tl::unexpected(std::move(what)); };
  const auto json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return wrong("is no JSON object");
  try {
    if (json.at("format").get<std::string>() != kFormat) return wrong("is of no backup");
    const int version = json.at("version").get<int>();
    if (version > kVersion) return wrong("was made by a newer version of Layergate; use that one");
    if (version != kVersion) return wrong("has no valid version");
    Manifest manifest;
    const auto made = parse_time(json.at("made").get<std::string>());
    if (!made) return wrong("has no valid time");
    manifest.made = *made;
    manifest.acl = json.at("acl").get<std::string>();
    manifest.htpasswd = json.at("htpasswd").get<std::string>();
    std::set<std::string> paths;
    for (const auto& entry : json.at("files")) {
      auto member = member_of(entry);
      if (!is_member_path(member.path)) return wrong("names a path that leaves the backup");
      if (!is_sha256(member.sha256)) return wrong("has no valid SHA-256 for " + member.path);
      if (!paths.insert(member.path).second) return wrong("names " + member.path + " twice");
      manifest.members.push_back(std::move(member));
    }
    for (const auto& path : {std::string("conf/layergate.yml"), manifest.acl, manifest.htpasswd}) {
      if (!paths.contains(path)) return wrong("does not hold \"" + path + "\"");
    }
    return manifest;
  } catch (const Json::exception&) {
    return wrong("has not the form of a backup's");
  }
}

}  // namespace layergate::backup
