// What a backup holds: its last member, manifest.json. docs/backup.md describes the form.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "base/clock.h"

namespace layergate::backup {

inline constexpr std::string_view kManifestName = "manifest.json";

struct Member {
  std::string path;  // "conf/acl.yml"
  std::uint64_t size = 0;
  mode_t mode = 0;     // the permission bits of the file that it was
  std::string sha256;  // 64 hexadecimal digits
};

struct Manifest {
  WallTime made;
  std::string acl;       // the members that layergate.yml means by `acl`
  std::string htpasswd;  // and by `auth.htpasswd`
  std::vector<Member> members;
};

// Whether a member may have this path: relative, below conf/, state/, acl/ or auth/, with no
// part that is empty, "." or "..".
bool is_member_path(std::string_view path);

std::string to_json(const Manifest& manifest);
// The error is the end of a sentence about the manifest: "is no JSON", "was made by a newer
// version of Layergate". All paths are member paths, each there once.
tl::expected<Manifest, std::string> parse_manifest(std::string_view json);

}  // namespace layergate::backup
