// A request's head, taken apart strictly.
//
// What is kept is what the proxy decides on and forwards; all other fields are checked for form and
// dropped. Nothing of the text itself is ever forwarded.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "proxy/http.h"

namespace layergate::proxy {

// The views point into the text that was parsed.
struct RequestHead {
  Method method = Method::get;
  std::string_view path;   // starts with '/', undecoded
  std::string_view query;  // without '?', undecoded
  bool http10 = false;
  bool keep_alive = true;
  bool expect_continue = false;
  Framing body;

  std::string_view host;
  std::string_view authorization;
  bool has_authorization = false;
  std::string_view content_type;
  std::string_view content_range;
  std::string_view range;
  std::string_view if_range;
  std::string_view if_none_match;
  std::string_view user_agent;
  std::vector<std::string_view> accept;         // one list, whatever number of fields it came in
  std::vector<std::string_view> forwarded_for;  // X-Forwarded-For, left to right
};

struct HeadError {
  int status;  // 400, 405, 414, 417, 431, 501, 505
  std::string what;
};

// `text` is a whole head as HeadScanner found it.
tl::expected<RequestHead, HeadError> parse_request_head(std::string_view text);

}  // namespace layergate::proxy
