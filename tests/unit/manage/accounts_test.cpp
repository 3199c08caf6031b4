#include "manage/accounts.h"

#include <algorithm>
#include <string>

#include <doctest/doctest.h>

#include "acl/loader.h"
#include "auth/htpasswd.h"
#include "auth/password_hash.h"
#include "tests/unit/temp_dir.h"

namespace layergate::manage {
namespace {

const char* const kGood = "Granite-Harbour-42";

class House {
 public:
  House() {
    write_text(dir_ / "acl.yml", "version: 1\nusers: {root: {permissions: [admin]}}\n");
    config_.dir = dir_.path();
    config_.acl = dir_ / "acl.yml";
    config_.htpasswd = dir_ / "htpasswd";
  }

  [[nodiscard]] tl::expected<void, Failure> add(const std::string& name,
                                                const std::string& password = kGood,
                                                std::vector<std::string> permissions = {
                                                    "view", "pull"}) const {
    return add_account(config_, {name, password, std::move(permissions), ""});
  }
  // Both files as they stand; what is absent is empty.
  [[nodiscard]] std::string files() const {
    return read_text(dir_ / "htpasswd") + "\n---\n" + read_text(dir_ / "acl.d/managed.yml");
  }
  [[nodiscard]] bool has_account(const std::string& name) const {
    const auto loaded = acl::load(config_.acl, wall_now());
    REQUIRE(loaded.policy != nullptr);
    const auto accounts = loaded.policy->accounts();
    return std::find(accounts.begin(), accounts.end(), name) != accounts.end();
  }
  [[nodiscard]] const config::Config& config() const { return config_; }

 private:
  TempDir dir_;
  config::Config config_;
};

}  // namespace

TEST_CASE("accounts: a new one has a password and permissions") {
  const House house;
  REQUIRE(add_account(house.config(), {"alice", kGood, {"view", "admin"}, "alice@example.com"})
              .has_value());
  CHECK(house.has_account("alice"));
  const auto passwords = read_text(house.config().htpasswd);
  REQUIRE(passwords.starts_with("alice:$2y$10$"));
  CHECK(auth::verify_password(kGood, passwords.substr(6, passwords.find('\n') - 6)) ==
        auth::Match::yes);
  const auto managed = read_text(house.config().dir / "acl.d/managed.yml");
  CHECK(managed.find("alice@example.com") != std::string::npos);
  CHECK(house.files().find(kGood) == std::string::npos);
  const auto loaded = acl::load(house.config().acl, wall_now());
  CHECK(loaded.policy->is_admin("alice"));
}

TEST_CASE("accounts: what is refused leaves both files as they were") {
  const House house;
  REQUIRE(house.add("alice").has_value());
  const auto before = house.files();
  struct Row {
    std::string name;
    std::string password;
    std::vector<std::string> permissions;
    std::string what;
  };
  const Row kRows[] = {
      {"bob", kGood, {}, "--permissions is missing"},
      {"bob", kGood, {"view", "fly"}, "unknown permission fly"},
      {"bob", "short", {"view"}, ""},
      {"bob", "", {"view"}, ""},
      {"bob", std::string(69, 'a') + "Aa1!", {"view"}, ""},
      {"alice", kGood, {"view"}, "the account alice exists already"},
      {"root", kGood, {"view"}, "the account root exists already"},
  };
  for (const auto& row : kRows) {
    CAPTURE(row.name);
    CAPTURE(row.password);
    const auto added = house.add(row.name, row.password, row.permissions);
    REQUIRE_FALSE(added.has_value());
    CHECK(added.error().kind == Failure::Kind::usage);
    CHECK(added.error().what.find(row.what) == 0);
    if (row.password.size() > 5) CHECK(added.error().what.find(row.password) == std::string::npos);
    CHECK(house.files() == before);
  }
}

TEST_CASE("accounts: a name that no file can hold is refused") {
  const House house;
  for (const std::string name : {"", "a:b", "a\nb", "a\rb", "@group", "*", "#x", " x"}) {
    CAPTURE(name);
    const auto added = house.add(name);
    REQUIRE_FALSE(added.has_value());
    CHECK(added.error().kind == Failure::Kind::usage);
    CHECK_FALSE(std::filesystem::exists(house.config().htpasswd));
    const auto managed = read_text(house.config().dir / "acl.d/managed.yml");
    CHECK(managed.empty());
    CHECK(acl::load(house.config().acl, wall_now()).policy != nullptr);
  }
}

TEST_CASE("accounts: a broken policy takes no new account") {
  const House house;
  write_text(house.config().acl, "version: 1\nuser: {}\n");
  const auto added = house.add("alice");
  REQUIRE_FALSE(added.has_value());
  CHECK(added.error().kind == Failure::Kind::invalid);
  CHECK(added.error().what.find("acl.yml:2:1: unknown key \"user\"") == 0);
  CHECK(read_text(house.config().dir / "acl.d/managed.yml").empty());
}

TEST_CASE("accounts: a refused call changes no password of an account that is there") {
  const House house;
  REQUIRE(house.add("alice").has_value());
  const auto before = house.files();
  SUBCASE("because the policy is broken") {
    write_text(house.config().acl, "version: 1\nrulez: []\n");
    CHECK(house.add("alice", "Another-Harbour-43").error().kind == Failure::Kind::invalid);
  }
  SUBCASE("because of its mail address") {
    const auto added = add_account(house.config(), {"bob", kGood, {"view"}, "a\nb@example.com"});
    CHECK(added.error().kind == Failure::Kind::usage);
  }
  CHECK(house.files() == before);
}

TEST_CASE("accounts: a half-made account is completed by the same call") {
  const House house;
  write_text(house.config().htpasswd, "alice:$2y$10$abcdefghijklmnopqrstuv\n");
  REQUIRE(house.add("alice").has_value());
  CHECK(house.has_account("alice"));
  const auto passwords = read_text(house.config().htpasswd);
  CHECK(std::count(passwords.begin(), passwords.end(), '\n') == 1);
}

}  // namespace layergate::manage
