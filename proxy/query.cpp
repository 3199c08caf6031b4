#include "proxy/query.h"

#include "base/percent.h"

namespace layergate::proxy {
namespace {

// A semicolon is a separator to some.
std::optional<std::string> decode(std::string_view text) {
  if (text.find(';') != std::string_view::npos) return std::nullopt;
  return percent_decode(text, Plus::is_space);
}

}  // namespace

// More than any request has. Each name is compared with those before it.
constexpr std::size_t kMostParameters = 32;

std::optional<Query> Query::parse(std::string_view text) {
  Query query;
  while (!text.empty()) {
    const auto end = text.find('&');
    const auto pair = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (pair.empty()) continue;
    const auto equals = pair.find('=');
    auto name = decode(pair.substr(0, equals));
    auto value = equals == std::string_view::npos ? std::optional<std::string>("")
                                                  : decode(pair.substr(equals + 1));
    if (!name || !value || query.find(*name) != nullptr) return std::nullopt;
    if (query.parameters_.size() == kMostParameters) return std::nullopt;
    query.parameters_.emplace_back(*std::move(name), *std::move(value));
  }
  return query;
}

const std::string* Query::find(std::string_view name) const {
  for (const auto& [key, value] : parameters_) {
    if (key == name) return &value;
  }
  return nullptr;
}

}  // namespace layergate::proxy
