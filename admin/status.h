// What the proxy knows of its own health.
#pragma once

#include <string>

#include "proxy/server.h"

namespace layergate::admin {

struct Readiness {
  bool ready = false;
  std::string json;
};

// Ready: a policy is in force, the registry takes connections and no end was announced. A policy or
// password file that was refused is told in the detail; what is in force goes on working.
// `upstream` is UpstreamProbe::problem().
Readiness readiness(const proxy::Server& server, const std::string& upstream);

// The Prometheus text format 0.0.4.
std::string metrics_text(const proxy::Server& server);

std::string status_page(const proxy::Server& server, const std::string& upstream);

}  // namespace layergate::admin
