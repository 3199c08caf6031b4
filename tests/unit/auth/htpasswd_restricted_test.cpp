#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "auth/htpasswd.h"

namespace layergate::auth {
namespace {

const std::string kAlice = "alice:$2y$05$abcdefghijklmnopqrstuuSj0TvoRHqv9BHqH8kgkfAvE0FBSMIO6\n";
const std::string kBob = "bob:$2y$05$abcdefghijklmnopqrstuuTtSxLGjoB10rU1jZZG66J51sZP8c2L.\n";

}  // namespace

TEST_CASE("htpasswd: a refused text keeps only the lines that still stand in it") {
  const auto loaded = Htpasswd::parse(kAlice + kBob, "htpasswd");
  REQUIRE(loaded.htpasswd);

  SUBCASE("a removed line is out, in spite of a mistake in another") {
    const auto rest = loaded.htpasswd->restricted_to(kAlice + "carol:plain\n");
    CHECK(rest->find("alice") != nullptr);
    CHECK(rest->find("bob") == nullptr);
  }
  SUBCASE("a changed hash is out, and the new one is not in") {
    const auto rest = loaded.htpasswd->restricted_to(kAlice + "bob:" + kAlice.substr(6) + "oops\n");
    CHECK(rest->find("bob") == nullptr);
  }
  SUBCASE("a byte order mark is no part of a name") {
    const auto rest = loaded.htpasswd->restricted_to("\xef\xbb\xbf" + kAlice + "no colon\n");
    CHECK(rest->find("alice") != nullptr);
  }
  SUBCASE("nothing left is nobody") { CHECK(loaded.htpasswd->restricted_to("")->users().empty()); }
}

TEST_CASE("htpasswd: some users can be left out") {
  const auto loaded = Htpasswd::parse(kAlice + kBob, "htpasswd");
  REQUIRE(loaded.htpasswd);
  const auto rest = loaded.htpasswd->without({"bob", "nobody"});
  CHECK(rest->users() == std::vector<std::string>{"alice"});
  CHECK(rest->decoy() == loaded.htpasswd->decoy());
  CHECK(loaded.htpasswd->find("bob") != nullptr);
}

}  // namespace layergate::auth
