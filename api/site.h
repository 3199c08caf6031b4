// What the management API works on: the files of a config dir and, in a running proxy, what is in
// force there.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <tl/expected.hpp>

#include "acl/policy.h"
#include "api/call.h"
#include "config/config.h"
#include "index/shared_index.h"

namespace layergate::api {

// A change that was made or refused, for the records.
struct Change {
  std::string by;  // the account, or records::kOperator
  IpAddress address;
  std::string action;  // "account.add", "access.grant"
  std::string target;  // "alice", "telechat:7b-fp16", "telechat:7b-fp16 alice"
  std::string detail;  // what changed, without secrets: "permissions=view,pull"
  bool allowed = true;
  std::string reason;  // why not
};

struct Site {
  const config::Config& config;
  // These two are set in a running proxy. Without them, the files are read: the policy as it would
  // load now, the index as it stands in `state`.
  std::function<std::shared_ptr<const acl::Policy>()> policy_in_force;
  const index::SharedIndex* index = nullptr;
  // Called before a change is made (so that none goes unrecorded) and, with allowed = false, for
  // one that was refused. The error: it cannot be recorded; the change is not made then. Empty:
  // nothing is recorded.
  std::function<tl::expected<void, std::string>(const Change&)> record;
};

}  // namespace layergate::api
