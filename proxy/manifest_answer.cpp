#include "proxy/manifest_answer.h"

#include <algorithm>

#include "proxy/http.h"

namespace layergate::proxy {

bool names_digest(std::string_view if_none_match, std::string_view digest) {
  while (!if_none_match.empty()) {
    const auto comma = std::min(if_none_match.find(','), if_none_match.size());
    auto tag = trim(if_none_match.substr(0, comma));
    if_none_match.remove_prefix(std::min(comma + 1, if_none_match.size()));
    if (tag == "*") return true;
    if (tag.starts_with("W/")) tag.remove_prefix(2);
    if (tag.size() >= 2 && tag.front() == '"' && tag.back() == '"') {
      tag = tag.substr(1, tag.size() - 2);
    }
    if (tag == digest) return true;
  }
  return false;
}

Response manifest_answer(const std::string& digest, oci::MediaType type, const std::string& body,
                         std::string_view if_none_match) {
  Response response;
  response.fields.emplace_back("Docker-Content-Digest", digest);
  response.fields.emplace_back("ETag", '"' + digest + '"');
  if (names_digest(if_none_match, digest)) {
    response.status = 304;
    return response;
  }
  response.content_type = oci::to_string(type);
  response.body = body;
  return response;
}

}  // namespace layergate::proxy
