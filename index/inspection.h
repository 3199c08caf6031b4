// All of the upstream against the index: what differs, and making them the same.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "config/config.h"
#include "index/index.h"
#include "index/ledger.h"
#include "index/survey.h"
#include "index/upstream_client.h"

struct event_base;

namespace layergate::index {

// What the index says of the repository otherwise than the upstream, a sentence each.
std::vector<std::string> differences(const Index& index, const std::string& repository,
                                     const Surveyed& surveyed);

// Brings the index to what was found. Known manifests keep who put them and what was absent when
// they were checked.
void rebuild(Ledger& ledger, const std::string& repository, const Surveyed& surveyed);

// Thread safety: belongs to one thread. Each question blocks until it is answered.
class Inspection {
 public:
  explicit Inspection(const config::Config& config);
  ~Inspection();

  // The catalogue; throws std::runtime_error if it cannot be had.
  std::set<std::string> repositories();
  // Everything of one repository, and which of the manifests that the index knows there are gone.
  // Throws std::runtime_error.
  Surveyed survey(const Index& index, const std::string& repository);

 private:
  void run_until(const bool& done);

  struct FreeBase {
    void operator()(event_base* base) const;
  };
  std::unique_ptr<event_base, FreeBase> base_;
  UpstreamClient client_;
};

}  // namespace layergate::index
