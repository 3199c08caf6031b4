#include "acl/names.h"

#include <algorithm>

namespace layergate::acl {
namespace {

constexpr std::size_t kLongestRemark = 1000;

bool has_control_character(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
  });
}

std::string fault_of_name(std::string_view name) {
  if (name.empty()) return "is empty";
  if (name.size() > kLongestAccountName) return "is longer than 255 bytes";
  if (has_control_character(name)) return "holds a control character";
  if (name == "*") return "means every account where rules name users";
  if (name.front() == '@') return "begins with \"@\", which means a group where rules name users";
  return "";
}

}  // namespace

std::string fault_of_account_name(std::string_view name) {
  if (name.find(':') != std::string_view::npos) {
    return "holds a \":\", which neither htpasswd nor Basic credentials can";
  }
  if (name.starts_with(" ") || name.ends_with(" ")) return "has a space at an end";
  return fault_of_name(name);
}

std::string fault_of_group_name(std::string_view name) { return fault_of_name(name); }

std::string fault_of_remark(std::string_view text) {
  if (text.size() > kLongestRemark) return "is longer than 1000 bytes";
  if (has_control_character(text)) return "holds a line end or another control character";
  return "";
}

}  // namespace layergate::acl
