// From a method and a target to what is asked of the registry.
//
// Paths are read from the right by the grammar, and only what the grammar holds is ever forwarded,
// rebuilt by upstream_target(): the registry matches greedily and decodes %2F (security.md).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "proxy/error.h"
#include "proxy/http.h"

namespace layergate::proxy {

enum class Endpoint : std::uint8_t {
  ping,          // /v2/
  catalog,       // /v2/_catalog
  tags,          // /v2/<name>/tags/list
  manifest,      // /v2/<name>/manifests/<reference>
  blob,          // /v2/<name>/blobs/<digest>
  start_upload,  // /v2/<name>/blobs/uploads/
  upload,        // /v2/<name>/blobs/uploads/<id>
  referrers,     // /v2/<name>/referrers/<digest>
};

std::string_view to_string(Endpoint endpoint);

// All text here is decoded and by the grammar; what does not apply is empty.
struct Route {
  Endpoint endpoint = Endpoint::ping;
  Method method = Method::get;
  std::string repository;
  std::string tag;     // manifest, by tag
  std::string digest;  // manifest by digest, blob, referrers; the digest= of an upload
  std::string upload_id;
  std::string upload_state;   // the registry's own _state=
  std::string upload_token;   // ours (UploadToken)
  std::string mount;          // digest
  std::string from;           // repository
  std::string artifact_type;  // referrers
  int page_size = -1;         // n= of catalog and tags; -1: not given
  std::string page_last;      // last=

  // "telechat:7b" or "telechat@sha256:…", for people.
  [[nodiscard]] std::string image() const;
};

tl::expected<Route, Refusal> parse_route(Method method, std::string_view path,
                                         std::string_view query);

// The origin-form target that means just this route to the registry. A mount is in it only if the
// route still holds one.
std::string upstream_target(const Route& route);

}  // namespace layergate::proxy
