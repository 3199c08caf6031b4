// Makes layergate.yml mean the files beside it, wherever they stood when it was backed up.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "backup/manifest.h"
#include "config/config.h"
#include "manage/failure.h"

namespace layergate::backup {

struct Relocated {
  config::Config config;             // as it loads from dir/conf
  std::string text;                  // of layergate.yml
  std::vector<std::string> changed;  // "state: ../state", for a person
};

// `text` is layergate.yml's, to stand at dir/conf. Its keys `state`, `acl` and `auth.htpasswd` are
// changed where they lead elsewhere than to dir/state and the manifest's members (a copy that
// worked on the state of the running gate would be a trap); everything else stays as it is, byte
// for byte. The error: it does not load, or a value cannot be replaced.
tl::expected<Relocated, manage::Failure> relocate(const std::string& text,
                                                  const std::filesystem::path& dir,
                                                  const Manifest& manifest);

}  // namespace layergate::backup
