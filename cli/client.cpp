#include "cli/client.h"

#include <algorithm>
#include <exception>

#include "api/problem.h"
#include "api/query_parameters.h"
#include "cli/load_config.h"
#include "cli/local_client.h"
#include "cli/output.h"
#include "cli/remote_client.h"

namespace layergate::cli {

int with_client(const Globals& globals, const std::function<int(Client&)>& verb) {
  try {
    if (!globals.api_url.empty()) {
      auto remote = RemoteClient::make(globals);
      if (!remote) {
        print_error(remote.error().what);
        return manage::exit_code(remote.error().kind);
      }
      return verb(**remote);
    }
    auto config = load_config(globals);
    if (!config) return 3;
    LocalClient local(*std::move(config));
    return verb(local);
  } catch (const std::exception& error) {
    print_error(error.what());
    return 4;
  }
}

api::Call get(std::vector<std::string> path, Query query) {
  return change("GET", std::move(path), std::nullopt, std::move(query));
}

api::Call change(std::string method, std::vector<std::string> path, std::optional<api::Json> body,
                 Query query) {
  api::Call call;
  call.method = std::move(method);
  call.path = std::move(path);
  call.body = std::move(body);
  call.query = std::move(query);
  return call;
}

api::Reply fetch_all(Client& client, const api::Call& call, std::size_t most) {
  api::Reply whole;
  auto items = api::Json::array();
  std::string cursor;
  while (true) {
    auto page = call;
    const auto limit = std::min(most - items.size(), api::QueryParameters::kMostLimit);
    page.query.emplace_back("limit", std::to_string(limit));
    if (!cursor.empty()) page.query.emplace_back("cursor", cursor);
    auto reply = client.call(std::move(page));
    if (reply.failed()) return reply;
    const auto found = reply.body.is_object() ? reply.body.find("items") : reply.body.end();
    if (found == reply.body.end() || !found->is_array()) {
      return api::problem(502, "io", "the answer is no list");
    }
    const auto next = reply.body.value("next", api::Json());
    for (auto& item : *found) items.push_back(std::move(item));
    // Whoever repeats a cursor, or goes on with nothing, would keep us here for ever.
    const bool ends = !next.is_string() || next == cursor || found->empty();
    if (ends || items.size() >= most) {
      whole.body["items"] = std::move(items);
      whole.body["next"] = ends ? api::Json(nullptr) : next;
      return whole;
    }
    cursor = next.get<std::string>();
  }
}

}  // namespace layergate::cli
