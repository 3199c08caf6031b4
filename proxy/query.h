// The query part of a request target.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace layergate::proxy {

class Query {
 public:
  // Decodes names and values once ('+' is a space, as net/url reads it). Nothing if a percent sign
  // is not followed by two hexadecimal digits, a decoded byte is a control character, or a name
  // stands twice: the registry takes the first of two, others the last (security.md's `%66rom`).
  static std::optional<Query> parse(std::string_view text);

  // nullptr if it is absent.
  [[nodiscard]] const std::string* find(std::string_view name) const;
  // All, in their order.
  [[nodiscard]] const std::vector<std::pair<std::string, std::string>>& parameters() const {
    return parameters_;
  }

 private:
  std::vector<std::pair<std::string, std::string>> parameters_;
};

}  // namespace layergate::proxy
