#include "manage/grants.h"

#include <string>

#include <doctest/doctest.h>

#include "manage/images.h"
#include "tests/unit/manage/house.h"

namespace layergate::manage {
namespace {

using acl::Action;
using Users = std::vector<std::string>;

const ImageName kImage{"telechat", "7b-fp16"};

bool may_pull(const House& house, const std::string& account, const ImageName& image = kImage) {
  return house.may(account, Action::pull, image.first, image.second);
}

House with_accounts(const std::string& rules = "") {
  return House(
      "version: 1\n"
      "users:\n"
      "  root: {permissions: [admin]}\n"
      "  alice: {permissions: [view, pull]}\n"
      "  bob: {permissions: [view, pull, push, delete]}\n" +
      rules);
}

}  // namespace

TEST_CASE("images: an image is registered for some, or for everybody") {
  const auto house = with_accounts();
  REQUIRE(register_image(house.config(), {kImage, Users{"alice"}, {}}));
  CHECK(may_pull(house, "alice"));
  CHECK_FALSE(may_pull(house, "bob"));
  REQUIRE(register_image(house.config(), {{"open", "v1"}, {}, {}}));
  CHECK(may_pull(house, "bob", {"open", "v1"}));
  // Bounded by what the account may do at all.
  CHECK(house.may("bob", Action::push, "open", "v1"));
  CHECK_FALSE(house.may("alice", Action::push, "open", "v1"));
  CHECK(read_text(house.config().acl).find("open") == std::string::npos);
}

TEST_CASE("images: who may reach a registered one is not changed by accident") {
  const auto house = with_accounts();
  REQUIRE(register_image(house.config(), {kImage, Users{"alice"}, {}}));
  const auto before = house.files();
  // The same again, and no list at all, change nothing.
  CHECK(register_image(house.config(), {kImage, Users{"alice"}, {}}));
  CHECK(register_image(house.config(), {kImage, {}, {}}));
  CHECK(house.files() == before);
  const auto other = register_image(house.config(), {kImage, Users{}, {}});
  REQUIRE_FALSE(other);
  CHECK(other.error().kind == Failure::Kind::conflict);
  CHECK(other.error().what.find("is registered for alice (acl.d/managed.yml:") !=
        std::string::npos);
  CHECK(house.files() == before);
  CHECK(register_image(house.config(), {kImage, Users{"bob"}, {}, true}));
  CHECK(may_pull(house, "bob"));
  CHECK_FALSE(may_pull(house, "alice"));
}

TEST_CASE("images: what was given is kept, and refused if it cannot be") {
  const auto house = with_accounts();
  const catalog::Given given{"sha256:" + std::string(64, 'a'), "2024-05-01T10:00:00Z", 17};
  REQUIRE(register_image(house.config(), {kImage, {}, given}));
  CHECK(catalog::Catalog(house.config().state).given(kImage) == given);
  const auto before = house.files();
  const auto refused = [&](const NewImage& image, const std::string& what) {
    const auto done = register_image(house.config(), image);
    REQUIRE_FALSE(done);
    CHECK(done.error().kind == Failure::Kind::usage);
    CHECK(done.error().what.find(what) != std::string::npos);
    CHECK(house.files() == before);
  };
  refused({{"x", "v2"}, {}, {"sha256:abc", "", {}}}, "64 hexadecimal digits");
  refused({{"x", "v2"}, {}, {"", "yesterday", {}}}, "is no time");
  refused({{"UPPER", "v2"}, {}, {}}, "is no image");
  refused({{"x", "-v2"}, {}, {}}, "is no image");
  refused({{"x:y", "v2"}, {}, {}}, "is no image");
  const auto unknown = register_image(house.config(), {{"x", "v2"}, Users{"alise"}, {}});
  CHECK(unknown.error().what == "there is no account alise; did you mean alice?");
  // It goes with the image.
  REQUIRE(remove_image(house.config(), kImage));
  CHECK(catalog::Catalog(house.config().state).given(kImage).empty());
}

TEST_CASE("images: one that is no longer registered stays closed where unregistered is push") {
  const auto house = with_accounts("unregistered: push\n");
  REQUIRE(register_image(house.config(), {kImage, Users{"alice"}, {}}));
  REQUIRE(remove_image(house.config(), kImage));
  CHECK_FALSE(may_pull(house, "alice"));
  const auto loaded = acl::load(house.config().acl, wall_now());
  REQUIRE(loaded.policy);
  CHECK(loaded.policy->covers(kImage.first, kImage.second));
  CHECK_FALSE(loaded.policy->covers(kImage.first, "other"));
  CHECK(remove_image(house.config(), kImage).error().kind == Failure::Kind::not_found);
  // And can be registered again.
  REQUIRE(register_image(house.config(), {kImage, Users{"alice"}, {}}));
  CHECK(may_pull(house, "alice"));
  CHECK(house.managed().find("no longer registered") == std::string::npos);
}

TEST_CASE("grants: an account is put on the list and taken off; the empty list allows nobody") {
  const auto house = with_accounts();
  REQUIRE(register_image(house.config(), {kImage, Users{"alice"}, {}}));
  auto granted = grant(house.config(), kImage, "bob");
  REQUIRE(granted);
  CHECK(granted->changed);
  CHECK(may_pull(house, "bob"));
  const auto before = house.files();
  CHECK_FALSE(grant(house.config(), kImage, "bob")->changed);
  CHECK(house.files() == before);
  for (const auto* name : {"alice", "bob"}) {
    const auto revoked = revoke(house.config(), kImage, name);
    REQUIRE(revoked);
    CHECK(revoked->changed);
    CHECK(revoked->still.empty());
    CHECK_FALSE(may_pull(house, name));
  }
  CHECK(house.managed().find("who: []") != std::string::npos);
  CHECK_FALSE(revoke(house.config(), kImage, "bob")->changed);
}

TEST_CASE("grants: a revoke tells what else gives the right, with file and line") {
  const auto house = with_accounts(
      "rules:\n"
      "  - {name: all may look, who: [\"*\"], images: [telechat], allow: [view]}\n");
  REQUIRE(register_image(house.config(), {kImage, Users{"alice"}, {}}));
  auto revoked = revoke(house.config(), kImage, "alice");
  REQUIRE(revoked);
  CHECK(revoked->changed);
  REQUIRE(revoked->still.size() == 1);
  CHECK(revoked->still[0].actions == std::vector<Action>{Action::view});
  CHECK(revoked->still[0].by == "allowed by all may look (acl.yml:7)");

  revoked = revoke(house.config(), kImage, "root");
  REQUIRE(revoked);
  CHECK_FALSE(revoked->changed);
  CHECK(revoked->still[0].by == "allowed by the permission admin");
  CHECK(revoked->still[0].actions.size() == 4);

  // One of everybody cannot be taken out.
  REQUIRE(register_image(house.config(), {{"open", "v1"}, {}, {}}));
  revoked = revoke(house.config(), {"open", "v1"}, "alice");
  REQUIRE(revoked);
  CHECK_FALSE(revoked->changed);
  CHECK(revoked->still[0].by.find("open:v1 as registered (acl.d/managed.yml:") !=
        std::string::npos);
  CHECK_FALSE(grant(house.config(), {"open", "v1"}, "alice")->changed);
  // Of what is not registered, only what ops' rules give can be told.
  CHECK(revoke(house.config(), {"telechat", "other"}, "alice")->still.size() == 1);
  CHECK(revoke(house.config(), {"nothing", "v1"}, "alice").error().kind ==
        Failure::Kind::not_found);
}

TEST_CASE("grants: a grant needs a registered image and an account") {
  const auto house = with_accounts();
  const auto absent = grant(house.config(), kImage, "alice");
  REQUIRE_FALSE(absent);
  CHECK(absent.error().what.find("layergate image register telechat 7b-fp16") != std::string::npos);
  REQUIRE(register_image(house.config(), {kImage, Users{"alice"}, {}}));
  CHECK(grant(house.config(), kImage, "alise").error().what ==
        "there is no account alise; did you mean alice?");
  CHECK(grant(house.config(), {"UPPER", "x"}, "alice").error().kind == Failure::Kind::usage);
}

TEST_CASE("grants: a change that ops' tests do not take is not made") {
  const auto house = with_accounts(
      "tests:\n"
      "  - {user: bob, action: pull, image: \"telechat:7b-fp16\", expect: deny}\n");
  REQUIRE(register_image(house.config(), {kImage, Users{"alice"}, {}}));
  const auto before = house.files();
  const auto granted = grant(house.config(), kImage, "bob");
  REQUIRE_FALSE(granted);
  CHECK(granted.error().kind == Failure::Kind::invalid);
  CHECK(granted.error().what.find("acl.yml:7") == 0);
  CHECK(house.files() == before);
}

}  // namespace layergate::manage
