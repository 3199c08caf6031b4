// The path of a call.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace layergate::admin {

// The segments of "/accounts/alice", each decoded after the split: "%2F" inside one is a slash of
// its text, as the name of an image has. Nothing for a path that does not begin with a slash or has
// an empty segment, "." or "..", a bad percent sign, a control character or what is no UTF-8. A
// slash alone has no segments.
std::optional<std::vector<std::string>> split_path(std::string_view path);

}  // namespace layergate::admin
