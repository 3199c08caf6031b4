// Calls of the management API on a config dir of a test.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/service.h"
#include "tests/unit/manage/house.h"

namespace layergate::api {

class ApiHouse {
 public:
  explicit ApiHouse(const std::string& acl =
                        "version: 1\n"
                        "users:\n"
                        "  root: {permissions: [admin]}\n"
                        "  alice: {permissions: [view, pull, push]}\n"
                        "  bob: {permissions: [view, pull]}\n")
      : house_(acl),
        service_(Site{house_.config(), {}, nullptr, [this](const Change& change) {
                        if (!can_record)
                          return Recorded(tl::unexpected(std::string("the disk is full")));
                        changes.push_back(change);
                        return Recorded();
                      }}) {}

  Reply call(const std::string& method, std::vector<std::string> path,
             std::optional<Json> body = {},
             std::vector<std::pair<std::string, std::string>> query = {},
             const std::optional<std::string>& if_match = {}) const {
    Call made;
    made.method = method;
    made.path = std::move(path);
    made.body = std::move(body);
    made.query = std::move(query);
    made.if_match = if_match;
    made.caller = caller;
    return service_.handle(made);
  }
  [[nodiscard]] const manage::House& files() const { return house_; }

  Caller caller = Caller::operator_here();
  bool can_record = true;
  mutable std::vector<Change> changes;

 private:
  using Recorded = tl::expected<void, std::string>;

  manage::House house_;
  Service service_;
};

inline std::string detail_of(const Reply& reply) { return reply.body.value("detail", ""); }

}  // namespace layergate::api
