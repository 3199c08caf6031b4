#include "api/etag.h"

#include <doctest/doctest.h>

namespace layergate::api {
namespace {

// 0: it may go on.
int status_of(std::optional<std::string> if_match, const std::optional<std::string>& present) {
  Call call;
  call.if_match = std::move(if_match);
  const auto refused = check_if_match(call, present);
  return refused ? refused->status : 0;
}

}  // namespace

TEST_CASE("etag: equal for what is equal, and of its form") {
  const auto etag = etag_of({{"a", 1}});
  CHECK(etag == etag_of({{"a", 1}}));
  CHECK(etag != etag_of({{"a", 2}}));
  CHECK(etag != etag_of({{"a", "1"}}));
  CHECK(etag.size() == 34);
  CHECK(etag.front() == '"');
  CHECK(etag.back() == '"');
  CHECK_NOTHROW(static_cast<void>(etag_of({{"a", "\xff"}})));
  CHECK(with_etag({{"a", 1}}).etag == etag);
}

TEST_CASE("etag: a change of what was changed meanwhile is refused") {
  const std::string now = "\"now\"";
  CHECK(status_of(std::nullopt, now) == 0);
  CHECK(status_of(std::nullopt, std::nullopt) == 0);
  for (const auto* none : {"", " ", ","}) CHECK(status_of(none, now) == 400);
  CHECK(status_of("*", now) == 0);
  CHECK(status_of("*", std::nullopt) == 412);
  CHECK(status_of("\"now\"", now) == 0);
  CHECK(status_of("\"before\", \"now\"", now) == 0);
  CHECK(status_of("\"a,b\" ,\t\"now\" ", now) == 0);
  CHECK(status_of("\"before\"", now) == 412);
  CHECK(status_of("\"now\"", std::nullopt) == 412);
  CHECK(status_of("W/\"now\"", now) == 412);
  CHECK(status_of("now", now) == 400);
  CHECK(status_of("\"now", now) == 400);
  CHECK(status_of("\"before\" \"now\"", now) == 400);
  CHECK(status_of("\"now\"x", now) == 400);
  CHECK(status_of("\"now\", *", now) == 400);
}

}  // namespace layergate::api
