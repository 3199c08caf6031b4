// A YAML document as a tree that remembers where each value stands.
//
// Built from yaml-cpp's events and not from YAML::Node, because yaml-cpp 0.7 silently takes the
// first of two equal keys. What a configuration has no use for is refused: duplicate keys, anchors
// and aliases, tags, several documents, keys that are not plain text, nesting deeper than 32.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tl/expected.hpp>

#include "base/problem.h"

namespace layergate::yaml {

struct Node {
  enum class Kind { null, scalar, sequence, map };
  struct Entry;

  Kind kind = Kind::null;
  std::string scalar;          // kind scalar
  bool quoted = false;         // "7" is text, 7 may be a number
  std::vector<Node> items;     // kind sequence
  std::vector<Entry> entries;  // kind map, in the file's order
  int line = 1;                // from 1
  int column = 1;              // from 1

  // The value of key in a map, or nullptr.
  [[nodiscard]] const Node* find(std::string_view key) const;
};

struct Node::Entry {
  std::string key;
  int line;
  int column;
  Node value;
};

// `file` is only named in problems. An empty text is a null node.
tl::expected<Node, Problem> parse(std::string_view text, const std::string& file);

}  // namespace layergate::yaml
