#include <chrono>
#include <string>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "catalog/catalog.h"
#include "manage/account_list.h"
#include "manage/images.h"
#include "manage/legacy_export.h"
#include "manage/legacy_import.h"
#include "tests/unit/manage/house.h"

namespace layergate::manage {
namespace {

const char* const kHash = "$2y$10$abcdefghijklmnopqrstuu6AjjKsAnz88wBwbruIdgz/2J5Ceeg52";
const std::string kDigest = "sha256:" + std::string(64, 'c');

const std::string kUsers = R"({
  "user1": {"username": "user1", "password_hash": "htpasswd",
            "permissions": ["view", "pull"], "email": "user1@example.com"},
  "boss": {"username": "boss", "password_hash": "htpasswd",
           "permissions": ["view", "pull", "push", "delete", "admin"], "email": ""}
})";
const std::string kImages = R"({
  "telechat:7b-fp16": {"name": "telechat", "tag": "7b-fp16", "digest": ")" +
                            kDigest + R"(",
    "created": "2024-01-15T10:30:00.123456", "size": 14000000000, "allowed_users": ["user1"]},
  "team/open:v1": {"name": "team/open", "tag": "v1", "digest": "", "created": "", "size": 0,
    "allowed_users": []}
})";

class OldSystem {
 public:
  OldSystem(const std::string& users = kUsers, const std::string& images = kImages,
            const std::string& htpasswd = std::string("user1:") + kHash + "\nboss:" + kHash +
                                          "\n") {
    std::filesystem::create_directory(path() / "auth");
    write_text(path() / "users.json", users);
    write_text(path() / "images.json", images);
    write_text(path() / "auth/htpasswd", htpasswd);
  }
  [[nodiscard]] std::filesystem::path path() const { return dir_.path(); }

 private:
  TempDir dir_;
};

// That nobody listens there is found out at once.
config::Config lonely(config::Config config) {
  config.upstream.address = {"127.0.0.1", 1};
  return config;
}

nlohmann::json json_of(const std::filesystem::path& file) {
  return nlohmann::json::parse(read_text(file));
}

}  // namespace

TEST_CASE("legacy: accounts, images and passwords are taken over; a second time changes nothing") {
  const House house;
  const OldSystem old;
  auto imported = import_legacy(house.config(), old.path(), false);
  REQUIRE(imported);
  CHECK(imported->accounts == 2);
  CHECK(imported->images == 2);
  CHECK(imported->notes.empty());
  CHECK(house.may("user1", acl::Action::pull, "telechat", "7b-fp16"));
  CHECK_FALSE(house.may("user1", acl::Action::push, "telechat", "7b-fp16"));
  CHECK(house.may("user1", acl::Action::pull, "team/open", "v1"));
  const auto boss = show_account(house.config(), "boss");
  CHECK(boss->permissions.size() == 5);
  CHECK(boss->has_password);
  CHECK(catalog::Catalog(house.config().state).given({"telechat", "7b-fp16"}) ==
        catalog::Given{kDigest, "2024-01-15T10:30:00.123456Z", 14'000'000'000});

  const auto before = house.files();
  imported = import_legacy(house.config(), old.path(), false);
  REQUIRE(imported);
  CHECK(imported->accounts == 0);
  CHECK(imported->same_accounts == 2);
  CHECK(imported->same_images == 2);
  CHECK(house.files() == before);
  CHECK(read_text(old.path() / "users.json") == kUsers);
}

TEST_CASE("legacy: what was imported is exported again, equal in meaning") {
  const House house;
  const auto config = lonely(house.config());
  const OldSystem old;
  REQUIRE(import_legacy(config, old.path(), false));
  const TempDir target;
  REQUIRE(
      add_account(config, {"away", kGood, {"view"}, "", wall_now() + std::chrono::hours(9), {}}));
  REQUIRE(register_image(config, {{"x", "closed"}, std::vector<std::string>{"away"}, {}}));
  const auto exported = export_legacy(config, target / "registry", false);
  REQUIRE(exported);
  CHECK(exported->images == 2);
  // root has no password, away ends, and what is allowed to nobody else would be open to all.
  CHECK(exported->notes.size() == 3);
  auto users = json_of(target / "registry/users.json");
  CHECK(users == nlohmann::json::parse(kUsers));
  auto images = json_of(target / "registry/images.json");
  auto expected = nlohmann::json::parse(kImages);
  expected["telechat:7b-fp16"]["created"] = "2024-01-15T10:30:00.123456Z";
  CHECK(images == expected);
  CHECK(read_text(target / "registry/auth/htpasswd") ==
        std::string("boss:") + kHash + "\nuser1:" + kHash + "\n");
  CHECK(export_legacy(config, target / "registry", false).error().kind == Failure::Kind::conflict);
  CHECK(export_legacy(config, target / "registry", true));
  // And imports into an empty place.
  const House other;
  const auto again = import_legacy(other.config(), target / "registry", false);
  REQUIRE(again);
  CHECK(again->accounts == 2);
  CHECK(again->images == 2);
}

TEST_CASE("legacy: all that is wrong is told with its file and key, and nothing is imported") {
  struct Row {
    std::string users, images, htpasswd, what;
  };
  const std::string line = std::string("user1:") + kHash + "\n";
  const std::string user = R"({"user1": {"permissions": ["view"]}})";
  const auto one_user = [](const std::string& fields) { return R"({"user1": {)" + fields + "}}"; };
  const auto one_image = [](const std::string& fields) { return R"({"x:v1": {)" + fields + "}}"; };
  const Row kRows[] = {
      {"{", "{}", line, "users.json: is no JSON"},
      {"[]", "{}", line, "users.json: must be one map"},
      {R"({"a": {"permissions": []}, "a": {"permissions": []}})", "{}", line, "stands twice"},
      {R"({"user1": 3})", "{}", line, "users.json: \"user1\": must be a map"},
      {one_user(R"("permissions": ["fly"])"), "{}", line, "unknown permission \"fly\""},
      {one_user(R"("permissions": "view")"), "{}", line, "permissions must be a list"},
      {one_user(R"("email": "x")"), "{}", line, "permissions is missing"},
      {one_user(R"("permissions": ["view"], "username": "other")"), "{}", line, "its username is"},
      {one_user(R"("permissions": ["view"], "enabled": false)"), "{}", line,
       "unknown field \"enabled\""},
      {one_user(R"("permissions": ["view"], "email": 3)"), "{}", line, "email must be text"},
      {user, "{}", "", "has no line in auth/htpasswd"},
      {user, "{}", "user1:plain\n", "its password hash is"},
      {user, "{}", line + line, "auth/htpasswd:2: \"user1\" has a line already"},
      {user, "{}", line + "nonsense\n", "auth/htpasswd:2: no colon"},
      {R"({"a:b": {"permissions": ["view"]}})", "{}", line, "colon"},
      {"{}", one_image(R"("digest": "")"), "", "allowed_users is missing"},
      {"{}", one_image(R"("allowed_users": ["nobody"])"), "",
       "images.json: x:v1: allowed_users names nobody"},
      {"{}", one_image(R"("allowed_users": [], "digest": "sha256:abc")"), "", "the digest"},
      {"{}", one_image(R"("allowed_users": [], "created": "once")"), "", "is no time"},
      {"{}", one_image(R"("allowed_users": [], "size": "big")"), "", "size must be a number"},
      {"{}", one_image(R"("allowed_users": [], "tag": "v2")"), "", "its name and tag are"},
      {"{}", R"({"x": {"allowed_users": []}})", "", "is no image"},
      {"{}", R"({"UP:x": {"allowed_users": []}})", "", "is no image"},
  };
  for (const auto& row : kRows) {
    CAPTURE(row.what);
    const House house;
    const auto before = house.files();
    const OldSystem old(row.users, row.images, row.htpasswd);
    const auto imported = import_legacy(house.config(), old.path(), false);
    REQUIRE_FALSE(imported);
    CHECK(exit_code(imported.error().kind) == 2);
    CAPTURE(imported.error().what);
    CHECK(imported.error().what.find(row.what) != std::string::npos);
    CHECK(house.files() == before);
  }
  const House house;
  const TempDir empty;
  CHECK(import_legacy(house.config(), empty.path(), false).error().what.find("holds neither") !=
        std::string::npos);
}

TEST_CASE("legacy: lenient leaves unknown fields and users aside, and opens nothing") {
  const House house;
  const OldSystem old(R"({"user1": {"permissions": ["view", "pull"], "last_login": 3}})",
                      R"({"x:v1": {"allowed_users": ["gone"]}})");
  const auto imported = import_legacy(house.config(), old.path(), true);
  REQUIRE(imported);
  CHECK(imported->notes.size() == 3);  // the field, boss' line, gone
  CHECK_FALSE(house.may("user1", acl::Action::pull, "x", "v1"));
}

TEST_CASE("legacy: what is there already has to say the same") {
  const House house;
  const OldSystem old;
  REQUIRE(import_legacy(house.config(), old.path(), false));
  SUBCASE("an account") {
    AccountUpdate update;
    update.permissions = {"view"};
    REQUIRE(update_account(house.config(), "user1", update));
    const auto again = import_legacy(house.config(), old.path(), false);
    REQUIRE_FALSE(again);
    CHECK(again.error().kind == Failure::Kind::conflict);
    CHECK(again.error().what.find("users.json: user1: the account is there already "
                                  "(acl.d/managed.yml:") == 0);
  }
  SUBCASE("a password") {
    REQUIRE(set_password(house.config(), "user1", "Another-Harbour-43"));
    CHECK(import_legacy(house.config(), old.path(), false).error().what.find("another password") !=
          std::string::npos);
  }
  SUBCASE("an image") {
    REQUIRE(register_image(house.config(),
                           {{"telechat", "7b-fp16"}, std::vector<std::string>{}, {}, true}));
    CHECK(import_legacy(house.config(), old.path(), false).error().what.find("for other users") !=
          std::string::npos);
  }
  SUBCASE("an account of ops without a password gets none") {
    const OldSystem roots(R"({"root": {"permissions": ["admin"]}})", "{}",
                          std::string("root:") + kHash + "\n");
    CHECK(import_legacy(house.config(), roots.path(), false).error().what.find("no password") !=
          std::string::npos);
    CHECK(read_text(house.config().htpasswd).find("root") == std::string::npos);
  }
}

}  // namespace layergate::manage
