#include "api/query_parameters.h"

#include <doctest/doctest.h>

namespace layergate::api {
namespace {

Call call_with(std::vector<std::pair<std::string, std::string>> query) {
  Call call;
  call.path = {"accounts"};
  call.query = std::move(query);
  return call;
}

std::string detail_of(const std::optional<Reply>& problem) {
  if (!problem) return "";
  CHECK(problem->status == 400);
  CHECK(problem->body.at("code") == "usage");
  return problem->body.at("detail").get<std::string>();
}

}  // namespace

TEST_CASE("query parameters: what is not known is refused, with what was probably meant") {
  CHECK(detail_of(only_parameters(call_with({}), {})).empty());
  CHECK(detail_of(only_parameters(call_with({{"limit", "1"}}), {"limit", "cursor"})).empty());
  CHECK(detail_of(only_parameters(call_with({{"limt", "1"}}), {"limit", "cursor"})) ==
        "unknown query parameter limt; did you mean limit?");
  CHECK(detail_of(only_parameters(call_with({{"zzz", "1"}}), {"limit", "cursor", "user"})) ==
        "unknown query parameter zzz; this call takes limit, cursor or user");
  CHECK(detail_of(only_parameters(call_with({{"zzz", "1"}}), {})) ==
        "unknown query parameter zzz; this call takes none");
  CHECK(detail_of(only_parameters(call_with({{"limit", "1"}, {"limit", "2"}}), {"limit"})) ==
        "the query parameter limit stands twice");
}

TEST_CASE("query parameters: a limit is a number from 1 to 1000") {
  struct Row {
    const char* text;
    std::size_t value;  // 0: refused
  };
  const Row kRows[] = {{"1", 1},    {"100", 100}, {"1000", 1000}, {"0", 0},
                       {"1001", 0}, {"-1", 0},    {"", 0},        {"1x", 0},
                       {" 1", 0},   {"1.5", 0},   {"0x10", 0},    {"99999999999999999999", 0}};
  for (const auto& row : kRows) {
    CAPTURE(row.text);
    const auto call = call_with({{"limit", row.text}});
    QueryParameters query(call, {"limit"});
    const auto value = query.limit();
    CHECK(query.problem().has_value() == (row.value == 0));
    if (row.value > 0) CHECK(value == row.value);
  }
  const auto call = call_with({});
  QueryParameters query(call, {"limit"});
  CHECK(query.limit() == 100);
  CHECK_FALSE(query.problem());
}

TEST_CASE("query parameters: booleans are true or false") {
  const auto call = call_with({{"a", "true"}, {"b", "false"}, {"c", "yes"}});
  QueryParameters query(call, {"a", "b", "c", "d"});
  CHECK(query.boolean("a"));
  CHECK_FALSE(query.boolean("b", true));
  CHECK(query.boolean("d", true));
  CHECK_FALSE(query.problem());
  CHECK_FALSE(query.boolean("c"));
  CHECK(detail_of(query.problem()) == "c must be true or false");
}

TEST_CASE("query parameters: times are absolute or how long ago") {
  const auto now = *parse_time("2026-11-25T12:00:00Z");
  struct Row {
    const char* text;
    const char* wanted;  // "": refused
  };
  const Row kRows[] = {{"2026-01-31T18:00:00Z", "2026-01-31T18:00:00.000Z"},
                       {"2026-01-31T18:00:00+01:00", "2026-01-31T17:00:00.000Z"},
                       {"2026-01-31", "2026-01-31T00:00:00.000Z"},
                       {"7d", "2026-11-18T12:00:00.000Z"},
                       {"90m", "2026-11-25T10:30:00.000Z"},
                       {"0", "2026-11-25T12:00:00.000Z"},
                       {"2026-02-30", ""},
                       {"2026-01-31T18:00:00", ""},
                       {"2026-01-31T18:00:00 01:00", ""},
                       {"7 d", ""},
                       {"-7d", ""},
                       {"7w", ""},
                       {"yesterday", ""},
                       {"", ""},
                       {"99999999999999999d", ""}};
  for (const auto& row : kRows) {
    CAPTURE(row.text);
    const auto call = call_with({{"since", row.text}});
    QueryParameters query(call, {"since"});
    const auto time = query.time("since", now);
    CHECK((time ? format_time(*time) : "") == row.wanted);
    CHECK(query.problem().has_value() == !time.has_value());
  }
}

TEST_CASE("query parameters: the first problem is told") {
  const auto call = call_with({{"limit", "x"}, {"action", "fly"}});
  QueryParameters query(call, {"limit", "action"});
  CHECK(query.choice("action", {"pull", "push", "delete"}) == std::nullopt);
  query.limit();
  query.refuse("something else");
  CHECK(detail_of(query.problem()) == "action must be pull, push or delete");
}

}  // namespace layergate::api
