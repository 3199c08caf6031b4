#include <string>

#include <doctest/doctest.h>

#include "tests/unit/api/house.h"

namespace layergate::api {
namespace {

using manage::kGood;

Json new_account(const std::string& name) {
  return {{"name", name}, {"password", kGood}, {"permissions", {"view", "pull"}}};
}

}  // namespace

TEST_CASE("accounts api: an account is made, shown, changed and removed, and each is recorded") {
  const ApiHouse house;
  auto reply = house.call("POST", {"accounts"}, new_account("dora"));
  CHECK(reply.status == 201);
  CHECK(reply.location == "/api/v1/accounts/dora");
  CHECK(reply.body.at("permissions") == Json{"view", "pull"});
  CHECK(reply.body.at("managed") == true);
  CHECK_FALSE(reply.etag.empty());

  reply = house.call("PATCH", {"accounts", "dora"}, Json{{"expires", "30d"}, {"email", "d@x.org"}});
  CHECK(reply.status == 200);
  CHECK(reply.body.at("email") == "d@x.org");
  CHECK(reply.body.at("expires").is_string());
  reply = house.call("PATCH", {"accounts", "dora"}, Json{{"expires", nullptr}, {"enabled", false}});
  CHECK(reply.body.at("expires").is_null());
  CHECK(reply.body.at("fault") == "disabled");
  CHECK(house.call("PUT", {"accounts", "dora", "password"}, Json{{"password", "Other-Harbour-43"}})
            .status == 204);
  CHECK(house.call("DELETE", {"accounts", "dora"}).status == 204);
  CHECK(house.call("GET", {"accounts", "dora"}).status == 404);

  std::string told;
  for (const auto& change : house.changes) {
    CHECK(change.allowed);
    CHECK(change.by == "@operator");
    told += change.action + " " + change.target + " " + change.detail + "\n";
  }
  CHECK(told.find("account.add dora permissions=view,pull") == 0);
  CHECK(told.find("account.update dora email=d@x.org expires=2") != std::string::npos);
  CHECK(told.find("account.update dora enabled=false expires=never") != std::string::npos);
  CHECK(told.find("account.password dora") != std::string::npos);
  CHECK(told.find("account.remove dora") != std::string::npos);
  CHECK(told.find("Harbour") == std::string::npos);
}

TEST_CASE("accounts api: no answer holds a password or a hash") {
  const ApiHouse house;
  std::string answers = house.call("POST", {"accounts"}, new_account("dora")).body.dump();
  answers += house.call("GET", {"accounts"}).body.dump();
  answers += house.call("POST", {"accounts"}, new_account("dora")).body.dump();
  answers += house.call("POST", {"accounts"}, Json{{"name", "x"}, {"password", kGood}}).body.dump();
  answers += house.call("PUT", {"accounts", "dora", "password"}, Json{{"password", 3}}).body.dump();
  CHECK(answers.find(kGood) == std::string::npos);
  CHECK(answers.find("$2y$") == std::string::npos);
}

TEST_CASE("accounts api: refusals are recorded with their reason and change nothing") {
  const ApiHouse house;
  const auto before = house.files().files();
  struct Row {
    std::string method;
    std::vector<std::string> path;
    Json body;
    int status;
  };
  const Row kRows[] = {
      {"POST", {"accounts"}, Json{{"name", "x"}, {"pasword", kGood}}, 400},
      {"POST",
       {"accounts"},
       Json{{"name", "x"}, {"password", "short"}, {"permissions", {"view"}}},
       400},
      {"POST", {"accounts"}, new_account("alice"), 409},
      {"PATCH", {"accounts", "alice"}, Json{{"enabled", false}}, 409},
      {"PATCH", {"accounts", "nobody"}, Json{{"enabled", false}}, 404},
      {"PATCH", {"accounts", "alice"}, Json::object(), 400},
      {"PATCH", {"accounts", "alice"}, Json{{"expires", "yesterday"}}, 400},
      {"DELETE", {"accounts", "root"}, nullptr, 409},
      {"PUT", {"accounts", "nobody", "password"}, Json{{"password", kGood}}, 404},
  };
  std::size_t recorded = 0;
  for (const auto& row : kRows) {
    CAPTURE(row.method);
    CAPTURE(row.body.dump());
    const auto reply = house.call(row.method, row.path, row.body);
    CHECK(reply.status == row.status);
    CHECK(house.files().files() == before);
    REQUIRE(house.changes.size() == ++recorded);
    CHECK_FALSE(house.changes.back().allowed);
    CHECK(house.changes.back().reason == detail_of(reply));
  }
}

TEST_CASE("accounts api: what cannot be recorded is not done") {
  ApiHouse house;
  house.can_record = false;
  const auto before = house.files().files();
  const auto reply = house.call("POST", {"accounts"}, new_account("dora"));
  CHECK(reply.status == 500);
  CHECK(detail_of(reply).find("cannot be recorded") != std::string::npos);
  CHECK(house.files().files() == before);
}

TEST_CASE("accounts api: a dry run says what would be refused, and does nothing") {
  const ApiHouse house;
  const auto before = house.files().files();
  const std::vector<std::pair<std::string, std::string>> dry{{"dry_run", "true"}};
  CHECK(house.call("POST", {"accounts"}, new_account("dora"), dry).status == 200);
  CHECK(house.call("POST", {"accounts"}, new_account("alice"), dry).status == 409);
  CHECK(house.call("POST", {"accounts"}, new_account("x"), {{"dry_run", "maybe"}}).status == 400);
  CHECK(house.call("POST", {"accounts"}, new_account("x"), {{"dryrun", "true"}}).status == 400);
  CHECK(house.files().files() == before);
}

TEST_CASE("accounts api: a change of what somebody else changed meanwhile is noticed") {
  const ApiHouse house;
  house.call("POST", {"accounts"}, new_account("dora"));
  const auto seen = house.call("GET", {"accounts", "dora"}).etag;
  CHECK(house.call("PATCH", {"accounts", "dora"}, Json{{"email", "a@x"}}, {}, seen).status == 200);
  const auto before = house.files().files();
  const auto late = house.call("PATCH", {"accounts", "dora"}, Json{{"email", "b@x"}}, {}, seen);
  CHECK(late.status == 412);
  CHECK(late.body.at("code") == "changed");
  CHECK(house.call("DELETE", {"accounts", "dora"}, {}, {}, seen).status == 412);
  CHECK(house.files().files() == before);
  CHECK(house.call("DELETE", {"accounts", "dora"}, {}, {}, "*").status == 204);
}

TEST_CASE("accounts api: an account sees and changes itself only, and shows its password for it") {
  ApiHouse house;
  house.call("PUT", {"accounts", "bob", "password"}, Json{{"password", kGood}});
  house.caller = {"bob", false, {}};
  CHECK(house.call("GET", {"accounts", "bob"}).status == 200);
  CHECK(house.call("GET", {"accounts", "alice"}).status == 403);
  CHECK(house.call("GET", {"accounts"}).status == 403);
  CHECK(house.call("PATCH", {"accounts", "bob"}, Json{{"permissions", {"admin"}}}).status == 403);
  CHECK(house.call("POST", {"accounts"}, new_account("eve")).status == 403);
  CHECK(house.call("PUT", {"accounts", "alice", "password"}, Json{{"password", kGood}}).status ==
        403);
  const auto put = [&](const Json& body) {
    return house.call("PUT", {"accounts", "bob", "password"}, body);
  };
  CHECK(put({{"password", "Other-Harbour-43"}}).status == 400);
  CHECK(put({{"password", "Other-Harbour-43"}, {"old_password", "wrong"}}).status == 403);
  CHECK(manage::check_password(house.files().config(), "bob", kGood));
  CHECK(put({{"password", "Other-Harbour-43"}, {"old_password", kGood}}).status == 204);
  CHECK(manage::check_password(house.files().config(), "bob", "Other-Harbour-43"));
}

TEST_CASE("accounts api: a long list comes in pages") {
  const ApiHouse house;
  const auto first = house.call("GET", {"accounts"}, {}, {{"limit", "2"}});
  REQUIRE(first.body.at("items").size() == 2);
  CHECK(first.body.at("items")[0].at("name") == "alice");
  const auto second =
      house.call("GET", {"accounts"}, {},
                 {{"limit", "2"}, {"cursor", first.body.at("next").get<std::string>()}});
  REQUIRE(second.body.at("items").size() == 1);
  CHECK(second.body.at("items")[0].at("name") == "root");
  CHECK(second.body.at("next").is_null());
}

}  // namespace layergate::api
