#include "manage/accounts.h"

#include <algorithm>
#include <string>

#include <doctest/doctest.h>

#include "auth/password_hash.h"
#include "manage/account_list.h"
#include "manage/images.h"
#include "tests/unit/manage/house.h"
#include "tests/unit/temp_dir.h"

namespace layergate::manage {

TEST_CASE("accounts: a new one has a password and permissions") {
  const House house;
  REQUIRE(
      add_account(house.config(), {"alice", kGood, {"view", "admin"}, "alice@example.com", {}, {}})
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
      {"bob", kGood, {}, "permissions is missing"},
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
    CHECK(exit_code(added.error().kind) == 2);
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
    const auto added =
        add_account(house.config(), {"bob", kGood, {"view"}, "a\nb@example.com", {}, {}});
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

TEST_CASE("accounts: an update changes what is given and nothing else") {
  const House house;
  REQUIRE(add_account(house.config(), {"alice", kGood, {"view"}, "a@example.com", {}, {}}));
  const auto passwords = read_text(house.config().htpasswd);
  AccountUpdate update;
  update.permissions = {"view", "pull"};
  REQUIRE(update_account(house.config(), "alice", update));
  update = {};
  update.from = {"10.0.0.0/8"};
  update.expires = std::optional(wall_now() + std::chrono::hours(24));
  update.enabled = false;
  REQUIRE(update_account(house.config(), "alice", update));
  auto account = show_account(house.config(), "alice");
  REQUIRE(account);
  CHECK(account->permissions == std::vector<std::string>{"view", "pull"});
  CHECK(account->email == "a@example.com");
  CHECK(account->from == std::vector<std::string>{"10.0.0.0/8"});
  CHECK(account->expires == *update.expires);
  CHECK_FALSE(account->enabled);
  CHECK(account->fault == "disabled");
  CHECK(read_text(house.config().htpasswd) == passwords);

  update = {};
  update.email = "";
  update.from.emplace();
  update.expires = std::optional<WallTime>();
  update.enabled = true;
  REQUIRE(update_account(house.config(), "alice", update));
  account = show_account(house.config(), "alice");
  CHECK(account->email.empty());
  CHECK(account->from.empty());
  CHECK_FALSE(account->expires);
  CHECK(account->fault.empty());
}

TEST_CASE("accounts: a bad update changes nothing") {
  const House house;
  REQUIRE(house.add("alice"));
  const auto before = house.files();
  const auto refused = [&](const AccountUpdate& update, const std::string& name = "alice") {
    const auto done = update_account(house.config(), name, update);
    REQUIRE_FALSE(done.has_value());
    CHECK(house.files() == before);
    return done.error();
  };
  AccountUpdate update;
  CHECK(refused(update).what.find("nothing to change") == 0);
  update.permissions = {"fly"};
  CHECK(refused(update).what.find("unknown permission fly") == 0);
  update = {};
  update.from = {"10.0.0.1/8"};
  CHECK(refused(update).kind == Failure::Kind::usage);
  update = {};
  update.expires = std::optional(wall_now() - std::chrono::hours(1));
  CHECK(refused(update).what.find("expires has passed") == 0);
  update = {};
  update.enabled = false;
  CHECK(refused(update, "alise").what == "there is no account alise; did you mean alice?");
  // What ops wrote is theirs.
  const auto theirs = refused(update, "root");
  CHECK(theirs.kind == Failure::Kind::conflict);
  CHECK(theirs.what.find("acl.yml:2") != std::string::npos);
}

TEST_CASE("accounts: one that is removed leaves no grant to a later one of its name") {
  const House house;
  REQUIRE(house.add("alice"));
  REQUIRE(house.add("bob"));
  REQUIRE(register_image(house.config(), {{"x", "v1"}, std::vector<std::string>{"alice"}, {}}));
  REQUIRE(house.may("alice", acl::Action::pull, "x", "v1"));
  REQUIRE(remove_account(house.config(), "alice"));
  CHECK_FALSE(house.has_account("alice"));
  CHECK(read_text(house.config().htpasswd).find("alice") == std::string::npos);
  REQUIRE(house.add("alice"));
  CHECK_FALSE(house.may("alice", acl::Action::pull, "x", "v1"));
  // The list that became empty allows nobody, and not everybody.
  CHECK_FALSE(house.may("bob", acl::Action::pull, "x", "v1"));
}

TEST_CASE("accounts: one that another file names is not removed, and is told where") {
  const House house(
      "version: 1\n"
      "groups: {team: []}\n"
      "rules: []\n");
  REQUIRE(house.add("alice"));
  write_text(house.config().acl,
             "version: 1\n"
             "groups: {team: [alice]}\n"
             "rules:\n"
             "  - {who: [alice], images: [x], allow: [pull]}\n");
  const auto before = house.files();
  const auto removed = remove_account(house.config(), "alice");
  REQUIRE_FALSE(removed);
  CHECK(removed.error().kind == Failure::Kind::conflict);
  CHECK(removed.error().what.find("acl.yml:2, acl.yml:4") != std::string::npos);
  CHECK(house.files() == before);
}

TEST_CASE("accounts: a removal that was cut off is completed by the same call") {
  const House house;
  REQUIRE(house.add("alice"));
  SUBCASE("before the policy was written") {
    write_text(house.config().htpasswd, "");
    REQUIRE(remove_account(house.config(), "alice"));
  }
  SUBCASE("with a line left") {
    write_text(house.config().dir / "acl.d/managed.yml", "");
    REQUIRE(remove_account(house.config(), "alice"));
  }
  CHECK_FALSE(house.has_account("alice"));
  CHECK(read_text(house.config().htpasswd).find("alice") == std::string::npos);
  CHECK(remove_account(house.config(), "alice").error().kind == Failure::Kind::not_found);
}

TEST_CASE("accounts: a new password replaces the line; the one before is kept") {
  const House house;
  REQUIRE(house.add("alice"));
  const auto before = read_text(house.config().htpasswd);
  const auto managed = house.managed();
  CHECK(check_password(house.config(), "alice", kGood));
  REQUIRE(set_password(house.config(), "alice", "Another-Harbour-43"));
  CHECK_FALSE(check_password(house.config(), "alice", kGood));
  CHECK(check_password(house.config(), "alice", "Another-Harbour-43"));
  CHECK(read_text(house.config().dir / ".htpasswd.previous") == before);
  CHECK(house.managed() == managed);
  // Also for an account that ops made, whose password this is not.
  CHECK(set_password(house.config(), "root", "Another-Harbour-44"));
  CHECK(set_password(house.config(), "nobody", kGood).error().kind == Failure::Kind::not_found);
  CHECK(set_password(house.config(), "alice", "short").error().kind == Failure::Kind::usage);
  CHECK_FALSE(check_password(house.config(), "nobody", ""));
}

TEST_CASE("accounts: a list tells where each stands, its groups and what is wrong with it") {
  House house(
      "version: 1\n"
      "users:\n"
      "  root: {permissions: [admin]}\n"
      "groups: {team: [root]}\n");
  REQUIRE(house.add("alice"));
  const auto accounts = list_accounts(house.config());
  REQUIRE(accounts);
  REQUIRE(accounts->size() == 2);
  const auto& alice = accounts->front();
  CHECK(alice.name == "alice");
  CHECK(alice.managed);
  CHECK(alice.place.find("acl.d/managed.yml:") == 0);
  CHECK(alice.password_set);
  CHECK_FALSE(alice.password_is_old);
  const auto& root = accounts->back();
  CHECK(root.place == "acl.yml:3");
  CHECK_FALSE(root.managed);
  CHECK(root.groups == std::vector<std::string>{"team"});
  CHECK(root.fault == "no password");
}

}  // namespace layergate::manage
