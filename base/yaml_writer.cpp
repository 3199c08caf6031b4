#include "base/yaml_writer.h"

#include <utility>

#include <yaml-cpp/yaml.h>

namespace layergate::yaml {
namespace {

bool is_flat(const Node& node) {
  for (const auto& item : node.items) {
    if (item.kind != Node::Kind::scalar) return false;
  }
  return true;
}

void emit(YAML::Emitter& out, const Node& node) {
  switch (node.kind) {
    case Node::Kind::null:
      out << YAML::Null;
      break;
    case Node::Kind::scalar:
      if (node.quoted) out << YAML::DoubleQuoted;
      out << node.scalar;
      break;
    case Node::Kind::sequence:
      if (is_flat(node)) out << YAML::Flow;
      out << YAML::BeginSeq;
      for (const auto& item : node.items) emit(out, item);
      out << YAML::EndSeq;
      break;
    case Node::Kind::map:
      if (node.entries.empty()) out << YAML::Flow;
      out << YAML::BeginMap;
      for (const auto& entry : node.entries) {
        out << YAML::Key << entry.key << YAML::Value;
        emit(out, entry.value);
      }
      out << YAML::EndMap;
      break;
  }
}

}  // namespace

std::string write(const Node& node) {
  YAML::Emitter out;
  emit(out, node);
  return std::string(out.c_str()) + "\n";
}

Node scalar(std::string text, bool quoted) {
  Node node;
  node.kind = Node::Kind::scalar;
  node.scalar = std::move(text);
  node.quoted = quoted;
  return node;
}

Node list_of(const std::vector<std::string>& texts) {
  Node node;
  node.kind = Node::Kind::sequence;
  for (const auto& text : texts) node.items.push_back(scalar(text, true));
  return node;
}

Node& child(Node& map, const std::string& key) {
  map.kind = Node::Kind::map;
  for (auto& entry : map.entries) {
    if (entry.key == key) return entry.value;
  }
  map.entries.push_back({key, 0, 0, {}});
  return map.entries.back().value;
}

}  // namespace layergate::yaml
