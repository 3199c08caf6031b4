// The catalogue of repositories, and the tags of one, as far as the user may see them.
//
// The pages are the proxy's own, exact after the filter (OCI distribution specification 1.1,
// "Listing tags"): `n` entries after `last` in lexical order, and a Link if there are more.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "proxy/client_connection.h"
#include "proxy/fetch.h"

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
  // Asks the registry; `next` gets an answer with status 200 and its JSON, or with 404.
  void ask(std::string target, void (Listing::*next)(const Fetch::Answer&));
  void on_tags(const Fetch::Answer& answer);
  void on_catalog(const Fetch::Answer& answer);
  void on_tags_of_candidate(const Fetch::Answer& answer);
  // Goes on with the candidates of the present page of the registry's catalogue.
  void sift();
  void reply();
  void fail(const std::string& what);
  [[nodiscard]] std::size_t page_size() const;
  [[nodiscard]] bool may_view(const std::string& repository, const std::string& tag) const;

  ClientConnection& client_;
  std::unique_ptr<Fetch> fetch_;
  std::vector<std::string> found_;       // one more than the page, if there are more
  std::vector<std::string> candidates_;  // of the registry's page, in its order
  std::size_t next_candidate_ = 0;
  std::string cursor_;  // the registry's last= for its next page
  bool registry_has_more_ = true;
};

}  // namespace layergate::proxy
