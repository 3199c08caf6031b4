// A gate somewhere else, through /api/v1 of its admin port.
//
// The password comes from the file that $LAYERGATE_API_PASSWORD_FILE names, else from ~/.netrc,
// else it is asked for on the terminal; never from the command line, which others of the machine
// see.
#pragma once

#include <memory>
#include <string>

#include <curl/curl.h>
#include <tl/expected.hpp>

#include "auth/secret.h"
#include "cli/client.h"
#include "manage/failure.h"

namespace layergate::cli {

class RemoteClient : public Client {
 public:
  // The error: what is wrong with the options, or with the file of the password.
  static tl::expected<std::unique_ptr<RemoteClient>, manage::Failure> make(const Globals& globals);

  api::Reply call(api::Call call) override;

 private:
  struct Free {
    void operator()(CURL* curl) const { curl_easy_cleanup(curl); }
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
  };

  RemoteClient(const Globals& globals, std::string base, auth::Secret password);

  api::Reply send(const api::Call& call);
  void set_credential();

  const Globals globals_;
  const std::string base_;            // "https://host:8080/api/v1"
  auth::Secret password_;             // empty: that of ~/.netrc
  std::unique_ptr<CURL, Free> curl_;  // kept, and its connection with it
};

}  // namespace layergate::cli
