// Asks the registry for the size and age of images.
//
// Thread safety: belongs to one thread; find() blocks until all is answered. Not for an event loop
// that serves others.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "catalog/catalog.h"
#include "config/config.h"

namespace layergate::catalog {

struct Manifest {
  std::string repository;
  std::string digest;
};

// By digest; what could not be had is missing. Gives up on the rest as soon as the registry does
// not answer at all.
std::map<std::string, Found> find(const config::Config& config,
                                  const std::vector<Manifest>& manifests);

}  // namespace layergate::catalog
