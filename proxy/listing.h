// The catalogue of repositories, and the tags of one, as far as the user may see them.
//
// The pages are the proxy's own, exact after the filter (OCI distribution specification 1.1,
// "Listing tags"): `n` entries after `last` in lexical order, and a Link if there are more.
#pragma once

#include <string>
#include <vector>

#include "index/candidates.h"
#include "index/index.h"
#include "index/rights.h"
#include "proxy/client_connection.h"

namespace layergate::proxy {

class Listing final : public Handler {
 public:
  explicit Listing(ClientConnection& client);

  void start() override;
  void on_client_readable() override {}
  void on_client_writable() override {}
  void tick(Worker::Clock::time_point now) override;
  [[nodiscard]] bool request_was_read() const override { return true; }

 private:
  // Looks at some more entries; the others of the loop get their turn in between.
  void sift();
  // Each returns whether it is done, and looks at about kTurn tags at most.
  bool sift_tags(const index::Index& facts, const index::Rights& rights);
  bool sift_catalog(const index::Index& facts, const index::Rights& rights);
  [[nodiscard]] index::Candidates candidates_in(const index::Repository& repository) const;
  void reply();
  [[nodiscard]] std::size_t page_size() const;

  ClientConnection& client_;
  std::vector<std::string> found_;  // one more than the page, if there are more
  std::string cursor_;              // the last entry that was looked at
  std::string tag_cursor_;          // within the catalogue's present repository
  bool nothing_ = false;            // no tag may be viewed
  bool probing_ = false;            // nothing stands behind `last`; does anything before it?
};

}  // namespace layergate::proxy
