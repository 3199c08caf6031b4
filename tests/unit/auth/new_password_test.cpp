#include "auth/new_password.h"

#include <set>
#include <string>

#include <doctest/doctest.h>

#include "auth/common_passwords.h"
#include "auth/hash_form.h"
#include "auth/password_hash.h"

namespace layergate::auth {
namespace {

std::string why(const std::string& password, const std::string& user = "alice") {
  const auto checked = check_new_password(password, user);
  return checked ? "" : checked.error();
}

TEST_CASE("new password: good ones pass") {
  CHECK(why("Tr0ubador&3xyl") == "");
  CHECK(why("correct-Horse7-battery") == "");
  CHECK(why("\xc3\x84pfel-und-7-Birnen") == "");
  CHECK(why("Ab1-" + std::string(68, 'x')) == "");
}

TEST_CASE("new password: the message says exactly what is missing") {
  CHECK(why("Short-1x") == "the password needs 4 more characters (12 at least)");
  CHECK(why("Tr0ubador&3") == "the password needs 1 more character (12 at least)");
  CHECK(why("tr0ubador&3xyl") == "the password needs an upper-case letter");
  CHECK(why("TR0UBADOR&3XYL") == "the password needs a lower-case letter");
  CHECK(why("Troubador&Zxyl") == "the password needs a digit");
  CHECK(why("Tr0ubador33xyl") == "the password needs a special character (like - or !)");
  CHECK(why("") ==
        "the password needs 12 more characters (12 at least), an upper-case letter, a lower-case "
        "letter, a digit and a special character (like - or !)");
  CHECK(why("Ab1-" + std::string(69, 'x')).find("73 bytes") != std::string::npos);
  CHECK(why("Tr0ubador&3xyl\n").find("control") != std::string::npos);
  CHECK(why("Tr0ubador&3xyl\xff").find("UTF-8") != std::string::npos);
}

TEST_CASE("new password: characters are counted, not bytes") {
  CHECK(why("A1-b\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4") ==
        "the password needs 1 more character (12 at least)");
}

TEST_CASE("new password: common ones are refused, dressed up or not") {
  for (const std::string password :
       {"Password123!", "P@ssw0rd2026!", "!!Password1234", "Welcome-2026!!", "Qwerty123456!",
        "1qaz@WSX3edc", "Adm1n1strator!", "PasswordPassword1!", "Dragon-Monkey7", "Letmein!!1234",
        "Summer2026!!", "Changeme-1234", "Aa123456789!", "We1come-We1come", "$ecretSecret7!",
        "TeleChat-2026", "Docker@Registry1", "iLoveYou!2345"}) {
    CAPTURE(password);
    CHECK(why(password).find("common") != std::string::npos);
  }
}

TEST_CASE("new password: the user's name is no password") {
  CHECK(why("Bartholomew1!", "bartholomew").find("name") != std::string::npos);
  CHECK(why("B@rtholomew-99", "bartholomew").find("name") != std::string::npos);
  CHECK(why("Xylo-Phone-42!", "xylo.phone").find("name") != std::string::npos);
  CHECK(why("Bartholomew1!", "someone") == "");
}

TEST_CASE("new password: nothing of the password is repeated") {
  CHECK(why("Hunter2").find("Hunter2") == std::string::npos);
  CHECK(why("Password123!").find("Password123") == std::string::npos);
}

TEST_CASE("new password: the hash is $2y$ of the wanted cost and matches") {
  const auto hash = hash_new_password("Tr0ubador&3xyl", 4);
  REQUIRE(hash);
  CHECK(hash->starts_with("$2y$04$"));
  CHECK(verify_password("Tr0ubador&3xyl", *hash) == Match::yes);
  CHECK(verify_password("Tr0ubador&3xyL", *hash) == Match::no);
  CHECK(hash_new_password("Tr0ubador&3xyl", 4) != hash);
  CHECK(hash_new_password("Tr0ubador&3xyl")->starts_with("$2y$10$"));
  CHECK(hash_new_password(std::string(72, 'x'), 4));
  CHECK_FALSE(hash_new_password(std::string(73, 'x'), 4));
  CHECK_FALSE(hash_new_password("", 4));
  CHECK_FALSE(hash_new_password(std::string("a\0b", 3), 4));
  CHECK_FALSE(hash_new_password("x", 3));
  CHECK_FALSE(hash_new_password("x", 15));
}

TEST_CASE("new password: generated ones pass the policy, differ, and need no quoting") {
  std::set<std::string> seen;
  for (int i = 0; i < 500; ++i) {
    const auto password = generate_password();
    const std::string text(password.view());
    CHECK(text.size() == 24);
    CHECK(why(text) == "");
    CHECK(text.find_first_not_of("ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789-_.+") ==
          std::string::npos);
    CHECK(std::isalnum(static_cast<unsigned char>(text.front())) != 0);
    CHECK(std::isalnum(static_cast<unsigned char>(text.back())) != 0);
    seen.insert(text);
  }
  CHECK(seen.size() == 500);
}

}  // namespace
}  // namespace layergate::auth
