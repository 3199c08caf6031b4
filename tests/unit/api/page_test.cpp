#include "api/page.h"

#include <doctest/doctest.h>

namespace layergate::api {
namespace {

Call list_call(std::vector<std::pair<std::string, std::string>> query,
               std::vector<std::string> path = {"accounts"}) {
  Call call;
  call.path = std::move(path);
  call.query = std::move(query);
  return call;
}

Reply page(const Call& call, const std::vector<std::string>& sorted) {
  QueryParameters query(call, {"limit", "cursor"});
  return page_of(
      call, query, sorted, [](const std::string& item) -> const std::string& { return item; },
      [](const std::string& item) { return Json(item); });
}

}  // namespace

TEST_CASE("page: the pages of a list hold each item once") {
  const std::vector<std::string> sorted{"a", "b", "c", "d", "e"};
  for (const auto* limit : {"1", "2", "3", "4", "5", "6"}) {
    CAPTURE(limit);
    std::vector<std::string> seen;
    auto call = list_call({{"limit", limit}});
    for (int turn = 0; turn < 10; ++turn) {
      const auto reply = page(call, sorted);
      REQUIRE(reply.status == 200);
      for (const auto& item : reply.body.at("items")) seen.push_back(item.get<std::string>());
      if (reply.body.at("next").is_null()) break;
      CHECK_FALSE(reply.body.at("items").empty());
      call = list_call({{"limit", limit}, {"cursor", reply.body.at("next").get<std::string>()}});
    }
    CHECK(seen == sorted);
  }
}

TEST_CASE("page: an empty list has one page") {
  const auto reply = page(list_call({}), {});
  CHECK(reply.body.dump() == R"({"items":[],"next":null})");
}

TEST_CASE("page: what changes between two pages repeats and skips nothing of what stays") {
  const auto first = page(list_call({{"limit", "2"}}), {"a", "c", "e", "g"});
  const auto next = first.body.at("next").get<std::string>();
  SUBCASE("what was shown last goes") {
    const auto second = page(list_call({{"cursor", next}}), {"a", "e", "g"});
    CHECK(second.body.at("items").dump() == R"(["e","g"])");
  }
  SUBCASE("something comes before") {
    const auto second = page(list_call({{"cursor", next}}), {"a", "b", "c", "e", "g"});
    CHECK(second.body.at("items").dump() == R"(["e","g"])");
  }
  SUBCASE("all that followed goes") {
    const auto second = page(list_call({{"cursor", next}}), {"a", "c"});
    CHECK(second.body.dump() == R"({"items":[],"next":null})");
  }
}

TEST_CASE("page: a cursor is what was given, of this very list") {
  const auto call = list_call({});
  const std::string key = "telechat:7b-\xc3\xa4";
  const auto cursor = make_cursor(call, key);
  CHECK(cursor.find_first_not_of("0123456789abcdef") == std::string::npos);
  CHECK(key_of_cursor(call, cursor) == key);
  CHECK(key_of_cursor(list_call({}, {"images"}), cursor) == std::nullopt);
  CHECK(key_of_cursor(call, "") == std::nullopt);
  for (std::size_t i = 0; i < cursor.size(); ++i) {
    auto changed = cursor;
    changed[i] = changed[i] == '0' ? '1' : '0';
    CHECK(key_of_cursor(call, changed) == std::nullopt);
    CHECK(key_of_cursor(call, cursor.substr(0, i)) == std::nullopt);
  }
  CHECK(key_of_cursor(call, cursor + "00") == std::nullopt);
  CHECK(key_of_cursor(call, "G" + cursor.substr(1)) == std::nullopt);
  CHECK(key_of_cursor(call, make_cursor(call, "\xff")) == std::nullopt);
  CHECK(key_of_cursor(call, make_cursor(call, std::string(3000, 'a'))) == std::nullopt);
  const auto reply = page(list_call({{"cursor", "zz"}}), {"a"});
  CHECK(reply.status == 400);
}

}  // namespace layergate::api
