// The head of an upstream's response.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "proxy/fields.h"
#include "proxy/http.h"

namespace layergate::proxy {

// The views point into the text that was parsed.
struct ResponseHead {
  int status = 0;
  bool keep_alive = true;
  Framing body;  // what the fields say; a response to HEAD has none all the same
  std::vector<Field> fields;

  // The first field of that name, or an empty view.
  [[nodiscard]] std::string_view find(std::string_view name) const;
};

// `text` is a whole head as HeadScanner found it; `to` is the method that it answers. A body whose
// end only a close would show is refused: a registry that died would look like one that finished.
tl::expected<ResponseHead, std::string> parse_response_head(std::string_view text, Method to);

}  // namespace layergate::proxy
