// What a manifest and a config say of an image's size and age.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace layergate::catalog {

struct Outline {
  std::optional<std::uint64_t> size;   // of config and layers; nothing for an index
  std::string config;                  // digest of a config that may tell when it was created
  std::vector<std::string> manifests;  // of an index
};

// REQUIRES: nothing of the text; what it does not say is left out.
Outline outline_of(std::string_view manifest);

// RFC 3339, or empty: what the config does not say, or says in a way that is no time.
std::string created_of(std::string_view config);

}  // namespace layergate::catalog
