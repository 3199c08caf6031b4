// The heads that go to clients.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/error.h"
#include "proxy/request.h"
#include "proxy/response_head.h"
#include "proxy/upload_token.h"

namespace layergate::proxy {

// An answer that the proxy makes itself.
struct Response {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> fields;
  std::string content_type = "application/json";
  std::string body;
};

Response to_response(const Refusal& refusal, const std::string& realm);
// To a Range of which nothing is in the blob; its Content-Range, if there is one.
Response out_of_range(std::string_view content_range);
// Of an upload of which so many bytes are here, as registries write it: "0-0" of none, or of one.
std::string received_range(std::uint64_t received);
// To a chunk of an upload that does not begin where the last one ended.
Response out_of_order(std::uint64_t received);

struct HeadOptions {
  bool keep_alive = true;
  std::string_view trace;
};

// Head and body; no body to HEAD.
std::string serialize(const Response& response, bool to_head, const HeadOptions& options);

// The head for the client of an upstream's response: known fields only, and a Location that is
// relative, of this very route, and signed where it names an upload. Nothing if the upstream sent a
// Location that means anything else.
std::optional<std::string> forward_head(const ResponseHead& upstream, const Request& request,
                                        const UploadToken& token, bool chunked,
                                        const HeadOptions& options);

}  // namespace layergate::proxy
