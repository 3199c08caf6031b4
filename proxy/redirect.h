// A redirect of the registry that is followed inside: storage that hands out URLs of its own.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "config/config.h"

namespace layergate::proxy {

struct RedirectTarget {
  config::Endpoint endpoint;
  std::string host;    // for the Host field
  std::string target;  // path and query

  // Absolute http:// URLs only; nothing for anything else, user information and odd bytes included.
  static std::optional<RedirectTarget> parse(std::string_view url);
};

inline bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

}  // namespace layergate::proxy
