#include "auth/password_hash.h"

#include <string>

#include <doctest/doctest.h>

#include "auth/apr1.h"
#include "auth/hash_form.h"
#include "tests/unit/auth/hashes.h"

namespace layergate::auth {
namespace {

const char* const kAll[] = {kBcrypt4,       kBcrypt4a, kBcrypt4b, kBcrypt5, kSha256,
                            kSha256Default, kSha512,   kYescrypt, kApr1};

TEST_CASE("password hash: each accepted form matches its password and no other") {
  for (const std::string hash : kAll) {
    CAPTURE(hash);
    REQUIRE(recognise_hash(hash));
    CHECK(verify_password(kPassword, hash) == Match::yes);
    CHECK(verify_password("correct-horse7", hash) == Match::no);
    CHECK(verify_password("correct-Horse7 ", hash) == Match::no);
    CHECK(verify_password("", hash) == Match::no);
    CHECK(verify_password(std::string(kPassword) + '\0', hash) == Match::no);
    CHECK(verify_password(std::string(kPassword) + '\0' + "x", hash) == Match::no);
  }
}

TEST_CASE("password hash: $apr1$ agrees with openssl passwd -apr1") {
  CHECK(apr1_digest("", "saltsalt") == "a8ml/vK5HEjiZ5oypDWA7/");
  CHECK(apr1_digest("x", "s") == "bHQMM1UunWFj8XWEuTGlW.");
  CHECK(apr1_digest("p\xc3\xa4ssw\xc3\xb6rd", "saltsalt") == "i5XfNxJNeh2E8ljXycZFm0");
  std::string text;
  for (int i = 0; i < 40; ++i) text += "long";
  CHECK(apr1_digest(text, "abcdefgh") == "aUBrfxFjQoxWvbaNn6n5z1");
}

TEST_CASE("password hash: a password longer than bcrypt reads never matches") {
  CHECK(verify_password(std::string(72, 'a'), kBcryptOf72) == Match::yes);
  CHECK(verify_password(std::string(73, 'a'), kBcryptOf72) == Match::no);
  CHECK(verify_password(std::string(1024, 'a'), kBcryptOf72) == Match::no);
}

TEST_CASE("password hash: a password longer than libcrypt takes is a mismatch and no failure") {
  for (const std::string hash : kAll) {
    CAPTURE(hash);
    CHECK(verify_password(std::string(1024, 'a'), hash) == Match::no);
  }
}

TEST_CASE("password hash: what is no accepted hash fails instead of matching") {
  for (const char* hash : {"", "*0", "*1", "correct-Horse7", "x", "$2y$04$short", "!", "{SHA}x"}) {
    CAPTURE(hash);
    CHECK(verify_password(kPassword, hash) == Match::failed);
    CHECK(verify_password(hash, hash) == Match::failed);
  }
}

TEST_CASE("password hash: a decoy has the cost of its model, another salt, and matches nothing") {
  for (const std::string hash : kAll) {
    CAPTURE(hash);
    for (int i = 0; i < 20; ++i) {
      const auto decoy = decoy_like(hash);
      REQUIRE(decoy.size() == hash.size());
      CHECK(decoy != hash);
      CHECK(decoy != decoy_like(hash));
      const auto model = recognise_hash(hash);
      const auto form = recognise_hash(decoy);
      REQUIRE(form);
      CHECK(form->algorithm == model->algorithm);
      CHECK(form->cost == model->cost);
      CHECK(form->salt_size == model->salt_size);
      CHECK(decoy.substr(0, form->salt) == hash.substr(0, form->salt));
    }
    CHECK(verify_password(kPassword, decoy_like(hash)) == Match::no);
  }
}

}  // namespace
}  // namespace layergate::auth
