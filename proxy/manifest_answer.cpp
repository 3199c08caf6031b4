#include "proxy/manifest_answer.h"

#include "proxy/fields.h"

namespace layergate::proxy {

bool names_digest(std::string_view if_none_match, std::string_view digest) {
  return names_etag(if_none_match, '"' + std::string(digest) + '"') ||
         names_etag(if_none_match, digest);
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
