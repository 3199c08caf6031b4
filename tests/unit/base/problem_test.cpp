#include "base/problem.h"

#include <doctest/doctest.h>

namespace layergate {

TEST_CASE("problem: is written with as much of its place as is known") {
  CHECK(Problem{"acl.yml", 12, 5, "unknown key \"alow\"", "allow"}.to_string() ==
        "acl.yml:12:5: unknown key \"alow\"; did you mean \"allow\"?");
  CHECK(Problem{"acl.yml", 12, 0, "x", ""}.to_string() == "acl.yml:12: x");
  CHECK(Problem{"acl.yml", 0, 0, "is a directory", ""}.to_string() == "acl.yml: is a directory");
}

TEST_CASE("problem: the closest candidate is one that was probably meant") {
  const std::vector<std::string> keys = {"allow", "deny", "expires", "from", "images", "who"};
  CHECK(closest("alow", keys) == "allow");
  CHECK(closest("allwo", keys) == "allow");
  CHECK(closest("expire", keys) == "expires");
  CHECK(closest("image", keys) == "images");
  CHECK(closest("form", keys) == "from");
  CHECK(closest("wh", keys) == "who");
}

TEST_CASE("problem: nothing is suggested where nothing is close") {
  const std::vector<std::string> keys = {"allow", "deny", "who"};
  CHECK(closest("default_policy", keys).empty());
  CHECK(closest("zzz", keys).empty());
  CHECK(closest("x", keys).empty());
  CHECK(closest("", keys).empty());
  CHECK(closest("allow", {}).empty());
  CHECK(closest(std::string(1000, 'a'), {std::string(1000, 'a')}).empty());
}

}  // namespace layergate
