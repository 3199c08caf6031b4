#include "proxy/redirect.h"

#include <algorithm>

#include "proxy/http.h"

namespace layergate::proxy {

std::optional<RedirectTarget> RedirectTarget::parse(std::string_view url) {
  constexpr std::string_view kScheme = "http://";
  if (!url.starts_with(kScheme)) return std::nullopt;
  url.remove_prefix(kScheme.size());
  const auto end = url.find_first_of("/?#");
  const auto authority = url.substr(0, end);
  auto target = end == std::string_view::npos ? std::string("/") : std::string(url.substr(end));
  if (const auto fragment = target.find('#'); fragment != std::string::npos)
    target.resize(fragment);
  if (target.empty() || target.front() != '/') target.insert(0, "/");
  const bool odd = std::any_of(target.begin(), target.end(), [](char c) {
    return static_cast<unsigned char>(c) <= 0x20 || static_cast<unsigned char>(c) >= 0x7f;
  });
  if (odd || authority.empty() || authority.find('@') != std::string_view::npos)
    return std::nullopt;

  RedirectTarget result;
  result.host = authority;
  result.target = std::move(target);
  std::string_view port;
  if (authority.front() == '[') {
    const auto close = authority.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    result.endpoint.host = authority.substr(1, close - 1);
    port = authority.substr(close + 1);
  } else {
    const auto colon = authority.find(':');
    result.endpoint.host = authority.substr(0, colon);
    port = colon == std::string_view::npos ? "" : authority.substr(colon);
  }
  const bool clean = std::all_of(result.endpoint.host.begin(), result.endpoint.host.end(),
                                 [](char c) { return is_token_char(c) || c == ':'; });
  if (result.endpoint.host.empty() || !clean) return std::nullopt;
  result.endpoint.port = 80;
  if (!port.empty()) {
    const auto number = port.front() == ':' ? parse_decimal(port.substr(1)) : std::nullopt;
    if (!number || *number == 0 || *number > 65535) return std::nullopt;
    result.endpoint.port = static_cast<std::uint16_t>(*number);
  }
  return result;
}

}  // namespace layergate::proxy
