// What a client hears of an upload that the proxy receives itself: what registry 2.8 says.
#pragma once

#include <cstdint>
#include <string>

#include "proxy/request.h"
#include "proxy/response.h"
#include "proxy/upload_token.h"
#include "storage/fault.h"

namespace layergate::proxy {

// It goes on: so many bytes are here. 202, or 204 to who only asks.
Response upload_goes_on(int status, const Request& request, const UploadToken& token,
                        const std::string& id, std::uint64_t received);
Response upload_cancelled(const std::string& id);
// The blob is in the repository, by this digest.
Response blob_created(const Request& request, const std::string& digest);

// REQUIRES: fault != Fault::none
Refusal refuse_upload(storage::Fault fault);

}  // namespace layergate::proxy
