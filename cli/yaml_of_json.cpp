#include "cli/yaml_of_json.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "base/utf8.h"
#include "base/yaml_writer.h"

namespace layergate::cli {
namespace {

using api::Json;

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// Means the same without quotes to each reader of YAML 1.1 and 1.2.
bool is_plain(std::string_view text) {
  constexpr std::array<std::string_view, 9> kWords{"null", "true", "false", "yes", "no",
                                                   "on",   "off",  "y",     "n"};
  if (text.empty() || !is_letter(text.front()) || text.back() == ':') return false;
  const bool safe = std::all_of(text.begin(), text.end(), [](char c) {
    return is_letter(c) || (c >= '0' && c <= '9') ||
           std::string_view("-_./@:+").find(c) != std::string_view::npos;
  });
  if (!safe) return false;
  std::string lower(text);
  for (auto& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return std::find(kWords.begin(), kWords.end(), lower) == kWords.end();
}

yaml::Node node_of(const Json& value) {
  yaml::Node node;
  if (value.is_object()) {
    node.kind = yaml::Node::Kind::map;
    for (const auto& [key, member] : value.items()) {
      yaml::child(node, key) = node_of(member);
    }
  } else if (value.is_array()) {
    node.kind = yaml::Node::Kind::sequence;
    for (const auto& item : value) node.items.push_back(node_of(item));
  } else if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    return yaml::scalar(text, !is_plain(text));
  } else if (!value.is_null()) {
    return yaml::scalar(value.dump());
  }
  return node;
}

}  // namespace

std::string yaml_of_json(const Json& value) {
  // Bytes that are no UTF-8 would make the whole unreadable.
  const auto clean =
      Json::parse(value.dump(-1, ' ', false, Json::error_handler_t::replace), nullptr, false);
  return yaml::write(node_of(clean));
}

}  // namespace layergate::cli
