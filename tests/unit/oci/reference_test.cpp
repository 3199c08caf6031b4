#include "oci/reference.h"

#include <string>

#include <doctest/doctest.h>

namespace layergate::oci {
namespace {

const std::string kHex64(64, 'a');
const std::string kHex128(128, '0');

}  // namespace

TEST_CASE("reference: repositories by the grammar") {
  for (const auto* name : {"a", "0", "telechat", "team/telechat", "a/b/c/d", "a.b", "a_b", "a__b",
                           "a-b", "a--b", "a---b", "a.b-c_d", "a1.2/b-3"}) {
    CAPTURE(name);
    CHECK(is_repository(name));
  }
  for (const auto* name : {"",      "/",     "a/",   "/a",   "a//b", "A",        "aB",      "a..b",
                           "a___b", "a.-b",  "a._b", "a-_b", ".a",   "a.",       "-a",      "a-",
                           "_a",    "a_",    "a/.",  "a/..", "..",   "a/../b",   "a b",     "a:b",
                           "a@b",   "a%2fb", "a\\b", "a+b",  "a~b",  "\xc3\xa4", "_catalog"}) {
    CAPTURE(name);
    CHECK_FALSE(is_repository(name));
  }
  CHECK(is_repository(std::string(255, 'a')));
  CHECK_FALSE(is_repository(std::string(256, 'a')));
  CHECK_FALSE(is_repository(std::string_view("a\0b", 3)));
}

TEST_CASE("reference: tags by the grammar") {
  for (const auto* tag : {"a", "A", "_", "9", "7b-int4", "v1.2.3", "a..b", "_.-", "manifests"}) {
    CAPTURE(tag);
    CHECK(is_tag(tag));
  }
  for (const auto* tag :
       {"", ".", "..", ".a", "-a", "a/b", "a:b", "a b", "a+b", "a@b", "a%41", "\xc3\xa4", "a\n"}) {
    CAPTURE(tag);
    CHECK_FALSE(is_tag(tag));
  }
  CHECK(is_tag(std::string(128, 'a')));
  CHECK_FALSE(is_tag(std::string(129, 'a')));
}

TEST_CASE("reference: digests with all their digits, lower case") {
  CHECK(is_digest("sha256:" + kHex64));
  CHECK(is_digest("sha512:" + kHex128));
  const std::string kBad[] = {
      "",
      "sha256:",
      "sha256:" + kHex64.substr(1),
      "sha256:" + kHex64 + "a",
      "sha256:" + std::string(64, 'A'),
      "sha256:" + std::string(63, 'a') + "g",
      "sha512:" + kHex64,
      "sha256:" + kHex128,
      "SHA256:" + kHex64,
      "sha384:" + std::string(96, 'a'),
      "md5:" + std::string(32, 'a'),
      "sha256" + kHex64,
      " sha256:" + kHex64,
  };
  for (const auto& text : kBad) {
    CAPTURE(text);
    CHECK_FALSE(is_digest(text));
  }
}

TEST_CASE("reference: upload ids can lead nowhere else") {
  for (const auto* id : {"6e1c4f2a-0d3b-4c57-9f0e-0123456789ab", "a", "a_b.c-d=", "..."}) {
    CAPTURE(id);
    CHECK(is_upload_id(id));
  }
  for (const auto* id : {"", ".", "..", "a/b", "a%2fb", "a?b", "a b", "a:b", "a&b", "a\r"}) {
    CAPTURE(id);
    CHECK_FALSE(is_upload_id(id));
  }
  CHECK(is_upload_id(std::string(256, 'a')));
  CHECK_FALSE(is_upload_id(std::string(257, 'a')));
}

TEST_CASE("reference: a part that is a word of the API is reserved, a longer one is not") {
  for (const auto* name : {"manifests", "a/blobs", "tags/a", "a/uploads/b", "a/b/referrers"}) {
    CAPTURE(name);
    CHECK(has_reserved_part(name));
  }
  for (const auto* name : {"manifest", "a/blobs2", "mytags/a", "list", "a/uploads-x"}) {
    CAPTURE(name);
    CHECK_FALSE(has_reserved_part(name));
  }
}

TEST_CASE("reference: tags that speak of another manifest") {
  const auto base = "sha256-" + kHex64;
  for (const auto& tag : {base, base + ".sig", base + ".att", base + ".sbom", "sha512-" + kHex128,
                          "sha512-" + kHex64}) {
    CAPTURE(tag);
    CHECK(is_fallback_tag(tag));
    CHECK(is_tag(tag.substr(0, 128)));
  }
  for (const auto& tag : {std::string("sha256-"), std::string("latest"), base.substr(0, 70),
                          base + ".sigx", base + "x", base + ".", "x" + base,
                          "sha256-" + std::string(64, 'A'), "sha512-" + std::string(63, 'a')}) {
    CAPTURE(tag);
    CHECK_FALSE(is_fallback_tag(tag));
  }
}

}  // namespace layergate::oci
