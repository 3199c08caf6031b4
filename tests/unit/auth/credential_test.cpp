#include "auth/credential.h"

#include <string>

#include <doctest/doctest.h>
#include <openssl/evp.h>

namespace layergate::auth {
namespace {

std::string base64(const std::string& text) {
  std::string out((text.size() + 2) / 3 * 4, '\0');
  std::string room = out + '\0';  // EVP_EncodeBlock ends its output with a NUL
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(room.data()),
                                   reinterpret_cast<const unsigned char*>(text.data()),
                                   static_cast<int>(text.size()));
  return room.substr(0, static_cast<std::size_t>(size));
}

std::optional<Credential> parse_text(const std::string& text) {
  return parse_basic("Basic " + base64(text));
}

TEST_CASE("credential: the example of RFC 7617 is read") {
  const auto credential = parse_basic("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
  REQUIRE(credential);
  CHECK(credential->user == "Aladdin");
  CHECK(credential->password == "open sesame");
}

TEST_CASE("credential: the scheme has no case, and spaces may follow it") {
  CHECK(parse_basic("bAsIc QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
  CHECK(parse_basic("Basic   QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
}

TEST_CASE("credential: everything after the first colon is the password") {
  const auto credential = parse_text("alice:a:b::c");
  REQUIRE(credential);
  CHECK(credential->user == "alice");
  CHECK(credential->password == "a:b::c");
}

TEST_CASE("credential: UTF-8 is taken") {
  const auto credential = parse_text("j\xc3\xb6rg:p\xc3\xa4ss\xf0\x9f\x94\x91");
  REQUIRE(credential);
  CHECK(credential->user == "j\xc3\xb6rg");
}

TEST_CASE("credential: other fields are refused") {
  for (const char* field :
       {"", "Basic", "Basic ", "Basic", "Bearer QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
        "BasicQWxhZGRpbjpvcGVuIHNlc2FtZQ==", "Basic\tQWxhZGRpbjpvcGVuIHNlc2FtZQ==",
        " Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ== ",
        "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==, Basic YTpi", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ",
        "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZR==",
        "Basic QWxh=GRpbjpvcGVuIHNlc2FtZQ==", "Basic ====", "Basic YTpi-_==", "Basic YTp\xff"}) {
    CAPTURE(field);
    CHECK_FALSE(parse_basic(field));
  }
}

TEST_CASE("credential: what no account can be is refused") {
  CHECK_FALSE(parse_text("alice"));                       // no colon
  CHECK_FALSE(parse_text(":password"));                   // no user
  CHECK_FALSE(parse_text("alice:"));                      // no password
  CHECK_FALSE(parse_text("ali\nce:pw"));                  // control characters
  CHECK_FALSE(parse_text("alice:p\x7fw"));                //
  CHECK_FALSE(parse_text("alice:p\xc2\x85w"));            // C1
  CHECK_FALSE(parse_text(std::string("alice:p\0w", 9)));  // NUL
  CHECK_FALSE(parse_text("alice:\xe4"));                  // Latin-1
  CHECK_FALSE(parse_text("alice:\xc0\xaf"));              // over-long
  CHECK_FALSE(parse_text("alice:\xed\xa0\x80"));          // a surrogate
  CHECK(parse_text("alice:\xc2\xa0"));
}

TEST_CASE("credential: lengths are bounded exactly") {
  CHECK(parse_text(std::string(255, 'u') + ":p"));
  CHECK_FALSE(parse_text(std::string(256, 'u') + ":p"));
  CHECK(parse_text("u:" + std::string(1024, 'p')));
  CHECK_FALSE(parse_text("u:" + std::string(1025, 'p')));
  CHECK(parse_text(std::string(255, 'u') + ":" + std::string(1024, 'p')));
  CHECK_FALSE(parse_text(std::string(100'000, 'u')));
}

TEST_CASE("credential: a moved password leaves nothing behind") {
  Secret one("secret");
  const char* bytes = one.view().data();
  const Secret two(std::move(one));
  CHECK(one.empty());  // NOLINT(bugprone-use-after-move): what is tested
  CHECK(two.view().data() == bytes);
  CHECK(two == "secret");
  CHECK_FALSE(two == "secreT");
  CHECK_FALSE(two == "secret1");
}

TEST_CASE("credential: user names that fit neither Basic nor the file are refused with a reason") {
  CHECK(user_name_problem("alice").empty());
  CHECK(user_name_problem("a b@c.d").empty());
  CHECK_FALSE(user_name_problem("").empty());
  CHECK_FALSE(user_name_problem("a:b").empty());
  CHECK_FALSE(user_name_problem("#a").empty());
  CHECK_FALSE(user_name_problem(" a").empty());
  CHECK_FALSE(user_name_problem("a ").empty());
  CHECK_FALSE(user_name_problem("a\tb").empty());
  CHECK_FALSE(user_name_problem(std::string(256, 'a')).empty());
}

}  // namespace
}  // namespace layergate::auth
