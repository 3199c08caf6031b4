// What accounts and groups may be called.
#pragma once

#include <string>
#include <string_view>

namespace layergate::acl {

inline constexpr std::size_t kLongestAccountName = 255;  // htpasswd's

// What is wrong with it, as the end of a sentence ("holds a \":\""), or "".
std::string fault_of_account_name(std::string_view name);
std::string fault_of_group_name(std::string_view name);

// A name of a rule, or another text for people: one line without control characters.
std::string fault_of_remark(std::string_view text);

}  // namespace layergate::acl
