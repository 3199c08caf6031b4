// Writes a YAML tree as text, in block style.
#pragma once

#include <string>

#include "base/yaml.h"

namespace layergate::yaml {

// What parse() reads back as the same tree, lines and columns aside.
std::string write(const Node& node);

// For building trees.
Node scalar(std::string text, bool quoted = false);
Node list_of(const std::vector<std::string>& texts);
// The value of key in a map, added as a null if it is not there. A null node becomes a map first.
Node& child(Node& map, const std::string& key);

}  // namespace layergate::yaml
