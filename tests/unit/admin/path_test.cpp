#include "admin/path.h"

#include <doctest/doctest.h>

namespace layergate::admin {
namespace {

// "a|b" for the segments a and b, or "(refused)".
std::string split(std::string_view path) {
  const auto segments = split_path(path);
  if (!segments) return "(refused)";
  std::string out;
  for (const auto& segment : *segments) out += (out.empty() ? "" : "|") + segment;
  return out;
}

}  // namespace

TEST_CASE("path: segments are decoded after the split, and once") {
  CHECK(split("/accounts") == "accounts");
  CHECK(split("/accounts/alice") == "accounts|alice");
  CHECK(split("/images/team%2Ftelechat/7b") == "images|team/telechat|7b");
  CHECK(split("/a%252Fb") == "a%2Fb");
  CHECK(split("/a+b") == "a+b");
  CHECK(split("/%C3%A4") == "\xc3\xa4");
  CHECK(split("/a%20b:c@d;e") == "a b:c@d;e");
  CHECK(split("/...") == "...");
  CHECK(split("/") == "");
}

TEST_CASE("path: what is malformed is refused") {
  for (const auto* path : {"",      "accounts", "//",    "/a/",     "/a//b", "//a",  "/.",
                           "/..",   "/a/../b",  "/%2e",  "/%2E%2e", "/a%",   "/a%4", "/a%4g",
                           "/a%00", "/a%0a",    "/a%7f", "/\x01",   "/%ff",  "/%c3", "/\xff"}) {
    CAPTURE(path);
    CHECK(split(path) == "(refused)");
  }
}

}  // namespace layergate::admin
