#include "auth/hash_form.h"

#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include "tests/unit/auth/hashes.h"

namespace layergate::auth {
namespace {

std::string with(std::string text, std::size_t at, char c) {
  text.at(at) = c;
  return text;
}

std::string bcrypt_of_cost(std::string_view two_digits) {
  return std::string(kBcrypt4).replace(4, 2, two_digits);
}

std::string sha512_of_rounds(std::string_view rounds) {
  return std::string(kSha512).replace(10, 4, rounds);
}

std::string why(std::string_view hash) {
  const auto form = recognise_hash(hash);
  return form ? "accepted" : form.error();
}

TEST_CASE("hash form: costs are read") {
  CHECK(recognise_hash(kBcrypt4)->cost == 4);
  CHECK(recognise_hash(kSha256)->cost == 1000);
  CHECK(recognise_hash(kSha256Default)->cost == 5000);
  CHECK(recognise_hash(kSha512)->algorithm == Algorithm::sha512);
  CHECK(recognise_hash(kYescrypt)->cost == 1024);
  CHECK(recognise_hash(kApr1)->algorithm == Algorithm::apr1);
}

TEST_CASE("hash form: bcrypt costs from 4 to 14 are accepted") {
  CHECK(why(bcrypt_of_cost("04")) == "accepted");
  CHECK(why(bcrypt_of_cost("14")) == "accepted");
  CHECK(why(bcrypt_of_cost("15")).find("cost 15") != std::string::npos);
  CHECK(why(bcrypt_of_cost("31")).find("cost 31") != std::string::npos);
  CHECK(why(bcrypt_of_cost("03")).find("cost 3") != std::string::npos);
  for (const char* cost : {"00", "-4", "+4", " 4", "4 ", "4$", "1a", "99"}) {
    CAPTURE(cost);
    CHECK(why(bcrypt_of_cost(cost)) != "accepted");
  }
}

TEST_CASE("hash form: SHA-crypt rounds from 1,000 to 700,000 are accepted") {
  CHECK(why(sha512_of_rounds("1000")) == "accepted");
  CHECK(why(sha512_of_rounds("656000")) == "accepted");
  CHECK(why(sha512_of_rounds("700000")) == "accepted");
  for (const char* rounds :
       {"700001", "999", "01000", "", "0", "-1000", "1e5", "999999999999999999999", " 1000"}) {
    CAPTURE(rounds);
    CHECK(why(sha512_of_rounds(rounds)) != "accepted");
  }
}

TEST_CASE("hash form: yescrypt is accepted up to 64 MiB and only as mkpasswd makes it") {
  const auto with_settings = [](std::string_view three) {
    return std::string(kYescrypt).replace(3, 3, three);
  };
  CHECK(why(with_settings("j75")) == "accepted");
  CHECK(why(with_settings("j9T")) == "accepted");
  CHECK(recognise_hash(with_settings("j9T"))->cost == 16 * 1024);
  CHECK(why(with_settings("jBT")) == "accepted");
  CHECK(why(with_settings("jCT")).find("64 MiB") != std::string::npos);
  for (const char* settings : {"jzT", "j.5", "j/5", ".75", "/75", "j76", "j7.", "j$5", "j75."}) {
    CAPTURE(settings);
    CHECK(why(with_settings(settings)) != "accepted");
  }
}

TEST_CASE("hash form: one character too many, too few or foreign is refused") {
  for (const std::string hash :
       {kBcrypt4, kBcrypt4a, kSha256, kSha256Default, kSha512, kYescrypt, kApr1}) {
    CAPTURE(hash);
    REQUIRE(why(hash) == "accepted");
    CHECK(why(hash + "a") != "accepted");
    CHECK(why(hash + " ") != "accepted");
    CHECK(why(hash + ":x") != "accepted");
    CHECK(why(std::string_view(hash).substr(0, hash.size() - 1)) != "accepted");
    for (std::size_t at = 0; at < hash.size(); ++at) {
      for (const char c : {'*', '\0', '\x80', ':', '\r'}) {
        CAPTURE(at);
        CHECK(why(with(hash, at, c)) != "accepted");
      }
    }
  }
}

TEST_CASE("hash form: a digest that no password has is refused, for its unused bits are set") {
  CHECK(why(with(kBcrypt4, 59, 'H')) != "accepted");
  CHECK(why(with(kBcrypt4, 28, 'P')) != "accepted");  // the salt's last digit
  CHECK(why(with(kSha256, std::string(kSha256).size() - 1, 'z')) != "accepted");
  CHECK(why(with(kSha512, std::string(kSha512).size() - 1, '2')) != "accepted");
  CHECK(why(with(kApr1, std::string(kApr1).size() - 1, '2')) != "accepted");
  CHECK(why(with(kYescrypt, std::string(kYescrypt).size() - 1, 'z')) != "accepted");
}

TEST_CASE("hash form: what is refused is named, and nothing of it is repeated") {
  CHECK(why("{SHA}6dcfXufJLW3J6S/9rRe4vUlBj5g=").find("SHA-1") != std::string::npos);
  CHECK(why("{SSHA}6dcfXufJLW3J6S/9rRe4vUlBj5g=").find("LDAP") != std::string::npos);
  CHECK(why("S426A31SDvmQk").find("DES") != std::string::npos);
  CHECK(why("my-secret").find("plain text") != std::string::npos);
  CHECK(why("my-secret").find("secret") == std::string::npos);
  CHECK(why("").find("plain text") != std::string::npos);
  CHECK(why("$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/").find("MD5-crypt") != std::string::npos);
  CHECK(why("$2x$04$abcdefghijklmnopqrstuu6AjjKsAnz88wBwbruIdgz/2J5Ceeg52").find("$2x$") !=
        std::string::npos);
  CHECK(why("$argon2id$v=19$m=65536$x$y").find("not accepted") != std::string::npos);
  CHECK(why("$7$CU..../....x$y").find("not accepted") != std::string::npos);
}

TEST_CASE("hash form: costs compare across algorithms") {
  CHECK(recognise_hash(bcrypt_of_cost("10"))->estimate() >
        recognise_hash(kSha256Default)->estimate());
  CHECK(recognise_hash(bcrypt_of_cost("12"))->estimate() >
        recognise_hash(bcrypt_of_cost("11"))->estimate());
  CHECK(recognise_hash(kApr1)->is_weak());
  CHECK(recognise_hash(bcrypt_of_cost("09"))->is_weak());
  CHECK_FALSE(recognise_hash(bcrypt_of_cost("10"))->is_weak());
  CHECK(recognise_hash(kSha256)->is_weak());
  CHECK_FALSE(recognise_hash(kSha256Default)->is_weak());
}

}  // namespace
}  // namespace layergate::auth
