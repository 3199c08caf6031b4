#include "proxy/error.h"

#include <nlohmann/json.hpp>

namespace layergate::proxy {

std::string_view to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::unauthorized:
      return "UNAUTHORIZED";
    case ErrorCode::denied:
      return "DENIED";
    case ErrorCode::unsupported:
      return "UNSUPPORTED";
    case ErrorCode::too_many_requests:
      return "TOOMANYREQUESTS";
    case ErrorCode::unavailable:
      return "UNAVAILABLE";
    case ErrorCode::unknown:
      return "UNKNOWN";
    case ErrorCode::blob_unknown:
      return "BLOB_UNKNOWN";
    case ErrorCode::blob_upload_unknown:
      return "BLOB_UPLOAD_UNKNOWN";
    case ErrorCode::blob_upload_invalid:
      return "BLOB_UPLOAD_INVALID";
    case ErrorCode::digest_invalid:
      return "DIGEST_INVALID";
    case ErrorCode::manifest_unknown:
      return "MANIFEST_UNKNOWN";
    case ErrorCode::manifest_blob_unknown:
      return "MANIFEST_BLOB_UNKNOWN";
    case ErrorCode::manifest_invalid:
      return "MANIFEST_INVALID";
    case ErrorCode::name_invalid:
      return "NAME_INVALID";
    case ErrorCode::name_unknown:
      return "NAME_UNKNOWN";
    case ErrorCode::size_invalid:
      return "SIZE_INVALID";
    case ErrorCode::tag_invalid:
      return "TAG_INVALID";
    case ErrorCode::pagination_number_invalid:
      return "PAGINATION_NUMBER_INVALID";
  }
  return "UNKNOWN";
}

std::string to_json(const Refusal& refusal) {
  const nlohmann::json body = {
      {"errors", {{{"code", to_string(refusal.code)}, {"message", refusal.message}}}}};
  return body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace layergate::proxy
