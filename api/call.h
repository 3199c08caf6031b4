// A call of the management API without its transport: the admin port, the command line and the
// Python module all make these, so that they answer alike.
//
// Texts are UTF-8 and bounded by who made the call; JSON bodies are parsed already.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/address.h"

namespace layergate::api {

using Json = nlohmann::ordered_json;

// Who asks. REQUIRES: the transport has checked that it is him.
struct Caller {
  std::string account;  // empty for the operator of this machine, who works on the files
  bool admin = false;
  IpAddress address;

  static Caller operator_here() { return {"", true, {}}; }
  [[nodiscard]] bool is(std::string_view name) const { return !account.empty() && account == name; }
};

struct Call {
  std::string method = "GET";     // GET, POST, PUT, PATCH or DELETE
  std::vector<std::string> path;  // what follows /api/v1, decoded: {"accounts", "alice"}
  std::vector<std::pair<std::string, std::string>> query;  // decoded, in its order
  std::optional<Json> body;
  std::optional<std::string> if_match;  // the field's value
  Caller caller;
};

struct Reply {
  int status = 200;
  Json body;  // null: none. From 400 on a problem (RFC 9457)
  std::string etag;
  std::string location;         // of what was made, as "/api/v1/accounts/alice"
  std::string allow;            // 405: what can be done there
  bool wrong_password = false;  // who calls did not know his account's

  [[nodiscard]] bool failed() const { return status >= 400; }
};

}  // namespace layergate::api
