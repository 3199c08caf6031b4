// What all workers share.
#pragma once

#include <atomic>

#include "auth/authenticator.h"
#include "config/config.h"
#include "index/keeper.h"
#include "index/shared_index.h"
#include "proxy/body_reader.h"
#include "proxy/manifest_cache.h"
#include "proxy/metrics.h"
#include "proxy/pipe.h"
#include "proxy/policy_store.h"
#include "proxy/resolver.h"
#include "proxy/stranger_limit.h"
#include "proxy/tls_failures.h"
#include "proxy/tls_store.h"
#include "proxy/upload_token.h"
#include "records/access_log.h"
#include "records/recorder.h"
#include "storage/storage.h"
#include "storage/uploads.h"

namespace layergate::proxy {

// Each of these may be used from any thread; all outlive the workers.
struct Context {
  const config::Config& config;
  PolicyStore& policies;
  auth::Authenticator& authenticator;
  records::AccessLog& access_log;
  records::Recorder& recorder;
  Resolver& resolver;
  Metrics& metrics;
  const UploadToken& upload_token;
  StrangerLimit& strangers;
  index::SharedIndex& index;
  index::Keeper& keeper;
  BodyBudget& bodies;
  PipeBudget& pipes;
  ManifestCache& manifests;
  TlsStore& tls;
  TlsFailures& tls_failures;
  storage::Storage* storage;  // nullptr: this machine does not have the registry's files
  storage::Uploads* uploads;  // nullptr: they go through the registry
};

}  // namespace layergate::proxy
