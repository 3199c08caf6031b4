#include "proxy/upload_answers.h"

#include "base/clock.h"

namespace layergate::proxy {
namespace {

using storage::Fault;

Response plain(int status) { return {status, {{"Date", http_date(wall_now())}}, "", ""}; }

}  // namespace

Response upload_goes_on(int status, const Request& request, const UploadToken& token,
                        const std::string& id, std::uint64_t received) {
  const auto& repository = request.route.repository;
  auto response = plain(status);
  response.fields.emplace_back("Docker-Upload-UUID", id);
  response.fields.emplace_back(
      "Location", "/v2/" + repository + "/blobs/uploads/" + id +
                      "?_layergate=" + token.sign(request.account, repository, id, received));
  response.fields.emplace_back("Range", received_range(received));
  return response;
}

Response upload_cancelled(const std::string& id) {
  auto response = plain(204);
  response.fields.emplace_back("Docker-Upload-UUID", id);
  return response;
}

Response blob_created(const Request& request, const std::string& digest) {
  auto response = plain(201);
  response.fields.emplace_back("Docker-Content-Digest", digest);
  response.fields.emplace_back("Location", "/v2/" + request.route.repository + "/blobs/" + digest);
  return response;
}

Refusal refuse_upload(Fault fault) {
  switch (fault) {
    case Fault::unknown:
      return {404, ErrorCode::blob_upload_unknown, "there is no such upload: begin it again", "",
              0};
    case Fault::busy:
      return {409, ErrorCode::blob_upload_invalid,
              "another request is at work on this upload: wait until it has ended", "", 0};
    case Fault::mismatch:
      return {400, ErrorCode::digest_invalid,
              "the bytes that were uploaded are not those of the digest", "", 0};
    case Fault::full:
      return {507, ErrorCode::unavailable,
              "the registry has no room for this blob; ask the operator", "", 0};
    case Fault::no_root:
      return {503, ErrorCode::unavailable,
              "the registry's storage is not there at the moment; ask the operator", "", 30};
    case Fault::none:
    case Fault::failed:
      break;
  }
  return {500, ErrorCode::unavailable,
          "the registry's storage failed, and the upload is gone; ask the operator", "", 0};
}

}  // namespace layergate::proxy
