// The ruling on one request: the table "What each request needs" (docs/policy.md), by names.
//
// What depends on which tags reach a digest is refused to everyone who does not hold the right on
// every tag of the repository: closed, never open.
//
// Nothing here looks at what the registry holds, so that a refusal tells nothing about it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "acl/policy.h"
#include "proxy/error.h"
#include "proxy/route.h"

namespace layergate::proxy {

struct Ruling {
  acl::Action action = acl::Action::view;
  acl::Decision decision;
  std::optional<Refusal> refusal;  // none: the request may go on
  bool mount_readable = false;     // start_upload with a mount: its source may be read
};

Ruling rule_on(const Route& route, const acl::Principal& who, const acl::Policy& policy);

// The OCI error for an account that acl::Policy::admit() refuses, or nothing for one that it
// admits.
std::optional<Refusal> refuse_account(const acl::Decision& admitted);

// Whether one tag is shown in lists. A tag that stands for another manifest needs the right on
// every tag.
acl::Decision decide_view(std::string_view repository, std::string_view tag,
                          const acl::Principal& who, const acl::Policy& policy);

Refusal unauthorized();

}  // namespace layergate::proxy
