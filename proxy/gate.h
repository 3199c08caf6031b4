// The ruling on one request: the table "What each request needs" (docs/policy.md), by names.
//
// What may not be read is refused as if it were not there, by the policy alone: status, body and
// time of a refusal tell nothing about what the registry holds.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "acl/policy.h"
#include "index/index.h"
#include "oci/manifest.h"
#include "proxy/error.h"
#include "proxy/route.h"

namespace layergate::proxy {

struct Ruling {
  acl::Action action = acl::Action::view;
  acl::Decision decision;
  std::optional<Refusal> refusal;  // none: the request may go on
  bool mount_readable = false;     // start_upload with a mount: its source may be read
  std::string tag;                 // the tag through which a digest is reached
  // Of a manifest that is read, if the index knows it:
  std::optional<oci::MediaType> stored;
  std::string digest;
  // Of a manifest that is put, what must still hold when it is carried out: index::Push.
  bool must_be_unchanged = false;
  bool must_be_own = false;
};

// By the facts of the index: what it does not know is not there, so who calls this has learned of
// route.repository (and of route.from) before.
Ruling rule_on(const Route& route, const acl::Principal& who, const acl::Policy& policy,
               const index::Index& index);

// A manifest reads what it names: nothing, if each descriptor but the subject may be named by who
// puts it, else the answer, which is the same for what is not there.
std::optional<Refusal> rule_on_contents(const oci::Manifest& manifest, std::string_view repository,
                                        const acl::Principal& who, const acl::Policy& policy,
                                        const index::Index& index);

// The OCI error for an account that acl::Policy::admit() refuses, or nothing for one that it
// admits.
std::optional<Refusal> refuse_account(const acl::Decision& admitted);

Refusal unauthorized();

}  // namespace layergate::proxy
