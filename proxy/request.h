// One request of a client, from its head to its record.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "acl/policy.h"
#include "oci/manifest.h"
#include "proxy/request_head.h"
#include "proxy/route.h"
#include "records/access_record.h"

namespace layergate::proxy {

struct Request {
  std::string text;  // the head's bytes, which `head` points into
  RequestHead head;
  Route route;
  std::string account;                        // whose credential was sent
  std::string unusable;                       // why the account may not be used at all, or empty
  std::optional<Refusal> route_refusal;       // told only to who is known
  std::shared_ptr<const acl::Policy> policy;  // the one that decides this request, to its end
  std::optional<oci::MediaType> stored;       // the form of a manifest that is read, if it is known
  records::AccessRecord record;
  std::chrono::steady_clock::time_point start;
  bool is_recorded = false;  // before its answer went out

  [[nodiscard]] acl::Principal principal() const { return {account, record.address, record.time}; }
};

}  // namespace layergate::proxy
