// Who did what: one record a request.
#pragma once

#include <cstdint>
#include <string>

#include "base/address.h"
#include "base/clock.h"

namespace layergate::records {

struct AccessRecord {
  WallTime time{};    // when the head was complete
  std::string trace;  // the answer's X-Request-Id
  std::string user;   // as claimed if it was refused with 401
  IpAddress address;
  std::string method;
  std::string action;  // view, pull, push or delete; empty if the request was none
  std::string repository;
  std::string reference;  // tag or digest, as it was asked for
  std::string digest;     // what was served or stored, where it is known
  std::string tag;        // on which the decision was made: the one that reaches the digest
  int status = 0;
  std::string code;            // OCI error code, if the proxy refused it
  std::uint64_t bytes_in = 0;  // of bodies
  std::uint64_t bytes_out = 0;
  double seconds = 0;
  bool verified = false;  // the credential was right; not written
  bool allowed = false;
  bool complete = true;  // false: the answer was cut off
  std::string reason;    // acl::Reason, or what else ended it
  std::string rule;      // "name (file:line)"
  std::string user_agent;

  [[nodiscard]] std::string to_json() const;  // one line, without the newline
};

}  // namespace layergate::records
