#include <string>

#include <doctest/doctest.h>

#include "tests/unit/api/house.h"

namespace layergate::api {
namespace {

const std::string kDigest = "sha256:" + std::string(64, 'd');

Json image(const std::string& name, const std::string& tag, Json users) {
  return {{"name", name}, {"tag", tag}, {"users", std::move(users)}};
}

std::string names(const Reply& reply) {
  std::string text;
  for (const auto& item : reply.body.at("items")) {
    text += item.at("name").get<std::string>() + ":" + item.at("tag").get<std::string>() + " ";
  }
  return text;
}

}  // namespace

TEST_CASE("images api: an image is registered, shown and removed") {
  const ApiHouse house;
  auto body = image("team/telechat", "7b", {"alice"});
  body.update({{"digest", kDigest}, {"created", "2024-01-01"}, {"size", 14U}});
  auto reply = house.call("POST", {"images"}, body);
  CHECK(reply.status == 201);
  CHECK(reply.body.at("digest") == kDigest);
  CHECK(reply.body.at("size") == 14);
  CHECK(reply.body.at("users") == Json{"alice"});
  CHECK(reply.body.at("pushed_digest").is_null());
  reply = house.call("GET", {"images", "team/telechat", "7b"});
  CHECK(reply.status == 200);
  CHECK(reply.body.at("source").get<std::string>().find("acl.d/managed.yml:") == 0);
  CHECK(house.call("DELETE", {"images", "team/telechat", "7b"}).status == 204);
  CHECK(house.call("GET", {"images", "team/telechat", "7b"}).status == 404);
  REQUIRE(house.changes.size() == 2);
  CHECK(house.changes[0].action == "image.register");
  CHECK(house.changes[0].target == "team/telechat:7b");
  CHECK(house.changes[0].detail == "users=alice");
}

TEST_CASE("images api: a grant and a revoke hold, and tell what else allows") {
  const ApiHouse house;
  house.call("POST", {"images"}, image("x", "v1", {"alice"}));
  auto reply = house.call("PUT", {"images", "x", "v1", "users", "bob"});
  CHECK(reply.status == 200);
  CHECK(reply.body.at("changed") == true);
  CHECK(house.files().may("bob", acl::Action::pull, "x", "v1"));
  reply = house.call("DELETE", {"images", "x", "v1", "users", "bob"});
  CHECK(reply.body.at("still_allowed").empty());
  CHECK_FALSE(house.files().may("bob", acl::Action::pull, "x", "v1"));
  reply = house.call("DELETE", {"images", "x", "v1", "users", "root"});
  CHECK(reply.body.at("still_allowed")[0].at("by") == "allowed by the permission admin");
  CHECK(house.changes.back().action == "access.revoke");
  CHECK(house.changes.back().target == "x:v1 root");
}

TEST_CASE("images api: bad input is refused, told and recorded, and changes nothing") {
  const ApiHouse house;
  house.call("POST", {"images"}, image("x", "v1", {"alice"}));
  const auto before = house.files().files();
  struct Row {
    std::string method;
    std::vector<std::string> path;
    Json body;
    int status;
  };
  const Row kRows[] = {
      {"POST", {"images"}, image("UPPER", "v1", {"alice"}), 400},
      {"POST", {"images"}, image("x", "a/b", {"alice"}), 400},
      {"POST", {"images"}, image("x", "v2", {"alise"}), 404},
      {"POST", {"images"}, image("x", "v2", "alice"), 400},
      {"POST", {"images"}, image("x", "v1", Json::array()), 409},
      {"POST", {"images"}, Json{{"name", "x"}, {"tag", "v2"}, {"digest", "abc"}}, 400},
      {"POST", {"images"}, Json{{"name", "x"}, {"tag", "v2"}, {"size", "1GB"}}, 400},
      {"POST", {"images"}, Json{{"name", "x"}, {"tag", "v2"}, {"user", {"alice"}}}, 400},
      {"POST", {"images"}, nullptr, 400},
      {"DELETE", {"images", "x", "v2"}, nullptr, 404},
      {"PUT", {"images", "x", "v2", "users", "bob"}, nullptr, 404},
      {"PUT", {"images", "x", "v1", "users", "nobody"}, nullptr, 404},
      {"PUT", {"images", "X", "v1", "users", "bob"}, nullptr, 400},
      {"DELETE", {"images", "x", "v1", "users", "nobody"}, nullptr, 404},
  };
  for (const auto& row : kRows) {
    CAPTURE(row.method);
    CAPTURE(row.body.dump());
    const auto reply = house.call(row.method, row.path, row.body);
    CHECK(reply.status == row.status);
    CHECK_FALSE(house.changes.back().allowed);
    CHECK(house.changes.back().reason == detail_of(reply));
    CHECK(house.files().files() == before);
  }
  CHECK(house.call("GET", {"images", "UPPER", "v1"}).status == 400);
}

TEST_CASE("images api: each sees what it may view") {
  ApiHouse house;
  house.call("POST", {"images"}, image("a", "v1", {"alice"}));
  house.call("POST", {"images"}, image("a", "v2", Json::array()));
  house.call("POST", {"images"}, image("b", "v1", {"bob"}));
  CHECK(names(house.call("GET", {"images"})) == "a:v1 a:v2 b:v1 ");
  CHECK(names(house.call("GET", {"images"}, {}, {{"accessible_to", "alice"}})) == "a:v1 a:v2 ");
  const auto accessible = house.call("GET", {"images"}, {}, {{"accessible_to", "alice"}});
  CHECK(accessible.body.at("items")[0].at("actions") == Json{"view", "pull", "push"});
  CHECK(house.call("GET", {"images"}, {}, {{"accessible_to", "nobody"}}).status == 404);
  CHECK(house.call("GET", {"images"}, {}, {{"from", "127.0.0.1"}}).status == 400);

  house.caller = {"bob", false, *IpAddress::parse("192.0.2.1")};
  const auto reply = house.call("GET", {"images"});
  CHECK(names(reply) == "a:v2 b:v1 ");
  CHECK_FALSE(reply.body.at("items")[0].contains("users"));
  CHECK(names(house.call("GET", {"images"}, {}, {{"accessible_to", "bob"}})) == "a:v2 b:v1 ");
  CHECK(house.call("GET", {"images"}, {}, {{"accessible_to", "alice"}}).status == 403);
  CHECK(
      house.call("GET", {"images"}, {}, {{"accessible_to", "bob"}, {"from", "10.0.0.1"}}).status ==
      403);
  CHECK(house.call("GET", {"images", "b", "v1"}).status == 200);
  // What it may not view is like what is not there.
  const auto hidden = house.call("GET", {"images", "a", "v1"});
  const auto absent = house.call("GET", {"images", "a", "v9"});
  CHECK(hidden.status == 404);
  CHECK(detail_of(hidden) == "there is no image a:v1");
  CHECK(detail_of(absent) == "there is no image a:v9");
  CHECK(house.call("POST", {"images"}, image("c", "v1", {"bob"})).status == 403);
  CHECK(house.call("PUT", {"images", "a", "v1", "users", "bob"}).status == 403);
  CHECK(house.call("DELETE", {"images", "a", "v1"}).status == 403);
}

TEST_CASE("images api: pages begin where the one before ended") {
  const ApiHouse house;
  // "a-b" stands before "a" as one text with its tag, and behind it as a name.
  for (const auto* name : {"a", "a-b", "a/b", "b"}) {
    for (const auto* tag : {"1", "2"}) house.call("POST", {"images"}, image(name, tag, {"bob"}));
  }
  std::string all;
  Json cursor = nullptr;
  do {
    std::vector<std::pair<std::string, std::string>> query{{"limit", "3"}};
    if (!cursor.is_null()) query.emplace_back("cursor", cursor.get<std::string>());
    const auto page = house.call("GET", {"images"}, {}, query);
    REQUIRE(page.status == 200);
    all += names(page);
    cursor = page.body.at("next");
  } while (!cursor.is_null());
  CHECK(all == "a:1 a:2 a-b:1 a-b:2 a/b:1 a/b:2 b:1 b:2 ");
}

TEST_CASE("images api: a registration that somebody else changed is noticed") {
  const ApiHouse house;
  house.call("POST", {"images"}, image("x", "v1", {"alice"}));
  const auto seen = house.call("GET", {"images", "x", "v1"}).etag;
  REQUIRE_FALSE(seen.empty());
  house.call("PUT", {"images", "x", "v1", "users", "bob"});
  CHECK(house.call("DELETE", {"images", "x", "v1"}, {}, {}, seen).status == 412);
  CHECK(house
            .call("DELETE", {"images", "x", "v1"}, {}, {},
                  house.call("GET", {"images", "x", "v1"}).etag)
            .status == 204);
}

}  // namespace layergate::api
