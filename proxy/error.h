// Errors as the OCI distribution specification writes them ("Error Codes").
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace layergate::proxy {

enum class ErrorCode : std::uint8_t {
  unauthorized,
  denied,
  unsupported,
  too_many_requests,
  unavailable,
  unknown,
  blob_unknown,
  blob_upload_unknown,
  blob_upload_invalid,
  digest_invalid,
  manifest_unknown,
  manifest_blob_unknown,
  manifest_invalid,
  name_invalid,
  name_unknown,
  size_invalid,
  tag_invalid,
  pagination_number_invalid,
};

std::string_view to_string(ErrorCode code);

// What the client is told instead of what it asked for.
struct Refusal {
  int status = 500;
  ErrorCode code = ErrorCode::unknown;
  std::string message;          // a sentence that helps; no secrets, no paths of ours
  std::string allow;            // 405: the methods that the resource has
  int retry_after_seconds = 0;  // 429 and 503
};

// An account has more changes waiting in one repository than it may.
inline Refusal too_many_changes() {
  return {503, ErrorCode::unavailable,
          "too many changes of this repository by this account wait already; try again", "", 2};
}

// {"errors":[{"code":"DENIED","message":"…"}]}
std::string to_json(const Refusal& refusal);

}  // namespace layergate::proxy
