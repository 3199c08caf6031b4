#include "acl/pattern.h"

#include <string>

#include <doctest/doctest.h>

namespace layergate::acl {

TEST_CASE("pattern: name and tag are parted at the colon") {
  const auto both = parse_pattern("team/telechat:7b-*");
  REQUIRE(both);
  CHECK(both->name == "team/telechat");
  CHECK(both->tag == "7b-*");
  CHECK_FALSE(both->is_every_tag());
  CHECK_FALSE(both->is_literal());

  const auto name = parse_pattern("telechat");
  REQUIRE(name);
  CHECK(name->tag == "*");
  CHECK(name->is_every_tag());
  CHECK(name->matches("telechat", "7b"));
  CHECK(parse_pattern("a:**")->is_every_tag());
  CHECK_FALSE(parse_pattern("a:*x")->is_every_tag());
  CHECK(parse_pattern("a/b:V1.2_x")->is_literal());
}

TEST_CASE("pattern: what no image can match is refused, with what to do") {
  struct Row {
    const char* text;
    const char* says;
  };
  const Row rows[] = {
      {"", "it is empty"},
      {":7b", "the name is missing"},
      {"telechat:", "leave the \":\" out for every tag"},
      {"Telechat", "no upper case"},
      {"tele chat", "can hold a space"},
      {"telechat:7b int4", "no tag can hold a space"},
      {"telechat[0-9]", "can hold \"[\" (wildcards are \"*\", \"**\" and \"?\")"},
      {"telechat:{a,b}", "no tag can hold \"{\""},
      {"/telechat", "is empty"},
      {"telechat/", "is empty"},
      {"team//telechat", "is empty"},
      {"team/.git", "begins or ends with"},
      {"telechat-:x", "begins or ends with"},
      {"telechat:-x", "no tag begins with"},
      {"telechat:.x", "no tag begins with"},
      {"a:b:c", "more than one \":\""},
      {"localhost:5000/telechat:7b", "host and port"},
      {"telechat@sha256:0000", "rules name tags"},
      {"模型", "outside of a-z"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    const auto pattern = parse_pattern(row.text);
    REQUIRE_FALSE(pattern);
    CHECK_MESSAGE(pattern.error().find(row.says) != std::string::npos, pattern.error());
  }
  CHECK(parse_pattern(std::string(255, 'a') + ":" + std::string(128, 'A')));
  CHECK_FALSE(parse_pattern(std::string(256, 'a')));
  CHECK_FALSE(parse_pattern("a:" + std::string(129, 'a')));
}

}  // namespace layergate::acl
