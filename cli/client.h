// Makes the calls of the management API for the verbs: on the files of a config dir, or on a remote
// gate (--api-url). What a verb prints is the same either way.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/call.h"
#include "cli/command.h"

namespace layergate::cli {

class Client {
 public:
  Client() = default;
  virtual ~Client() = default;
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Failures of every kind are problems in the reply. The call's `caller` is set here.
  virtual api::Reply call(api::Call call) = 0;
};

// Runs `verb` with the client that the global options ask for; its exit code, or that of what
// stands in the way, which was printed.
int with_client(const Globals& globals, const std::function<int(Client&)>& verb);

using Query = std::vector<std::pair<std::string, std::string>>;

// For building calls: a GET, and any other.
api::Call get(std::vector<std::string> path, Query query = {});
api::Call change(std::string method, std::vector<std::string> path,
                 std::optional<api::Json> body = std::nullopt, Query query = {});

// All pages of a list as one, up to so many items: then its `next` is not null.
api::Reply fetch_all(Client& client, const api::Call& call, std::size_t most = 100'000);

}  // namespace layergate::cli
