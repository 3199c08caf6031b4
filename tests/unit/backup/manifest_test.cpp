#include "backup/manifest.h"

#include <string>

#include <doctest/doctest.h>

namespace layergate::backup {
namespace {

const std::string kHash(64, 'a');

std::string json_with(const std::string& from, const std::string& to) {
  auto text = to_json({*parse_time("2026-01-31T12:00:00Z"),
                       "conf/acl.yml",
                       "auth/htpasswd",
                       {{"conf/layergate.yml", 10, 0640, kHash},
                        {"conf/acl.yml", 0, 0644, kHash},
                        {"auth/htpasswd", 5'000'000'000, 0600, kHash}}});
  const auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("backup manifest: is read as it was written") {
  const auto read = parse_manifest(json_with("", ""));
  REQUIRE(read.has_value());
  CHECK(format_time(read->made) == "2026-01-31T12:00:00.000Z");
  CHECK(read->acl == "conf/acl.yml");
  CHECK(read->htpasswd == "auth/htpasswd");
  REQUIRE(read->members.size() == 3);
  CHECK(read->members[2].path == "auth/htpasswd");
  CHECK(read->members[2].size == 5'000'000'000);
  CHECK(read->members[2].mode == 0600);
  CHECK(read->members[2].sha256 == kHash);
}

TEST_CASE("backup manifest: what is not one is refused with what is wrong") {
  struct Row {
    const char* from;
    const char* to;
    const char* what;
  };
  const Row kRows[] = {
      {"{", "", "is no JSON object"},
      {"layergate-backup", "other", "is of no backup"},
      {"\"version\": 1", "\"version\": 2", "was made by a newer version of Layergate"},
      {"\"version\": 1", "\"version\": 0", "has no valid version"},
      {"\"version\": 1", "\"version\": \"1\"", "has not the form"},
      {"2026-01-31", "2026-02-31", "has no valid time"},
      {"\"path\": \"conf/acl.yml\"", "\"path\": \"conf/../../acl.yml\"",
       "names a path that leaves"},
      {"\"path\": \"conf/acl.yml\"", "\"path\": \"/conf/acl.yml\"", "names a path that leaves"},
      {"\"path\": \"conf/acl.yml\"", "\"path\": \"conf/layergate.yml\"", "twice"},
      {"\"path\": \"conf/acl.yml\"", "\"path\": \"conf/other.yml\"",
       "does not hold \"conf/acl.yml\""},
      {"\"path\": \"conf/layergate.yml\"", "\"path\": \"conf/other.yml\"",
       "does not hold \"conf/layergate.yml\""},
      {"\"size\": 10", "\"size\": \"10\"", "has not the form"},
      {"\"sha256\": \"aa", "\"sha256\": \"a", "has no valid SHA-256"},
      {"\"sha256\": \"aa", "\"sha256\": \"aG", "has no valid SHA-256"},
      {"\"files\"", "\"filez\"", "has not the form"},
  };
  for (const auto& row : kRows) {
    CAPTURE(row.to);
    const auto read = parse_manifest(json_with(row.from, row.to));
    REQUIRE_FALSE(read.has_value());
    CHECK(read.error().find(row.what) != std::string::npos);
  }
}

TEST_CASE("backup manifest: which paths stay inside") {
  for (const char* path :
       {"conf/a", "state/a", "acl/acl.d/a.yml", "auth/a", "conf/..a/b..", "conf/ä"}) {
    CAPTURE(path);
    CHECK(is_member_path(path));
  }
  for (const std::string& path :
       {std::string(), std::string("conf"), std::string("conf/"), std::string("/conf/a"),
        std::string("conf//a"), std::string("conf/./a"), std::string("conf/.."),
        std::string("conf/../a"), std::string("conf/a/.."), std::string("../conf/a"),
        std::string("etc/a"), std::string("conf/a/"), std::string("manifest.json"),
        std::string("conf/a\0b", 8), "conf/" + std::string(5000, 'a')}) {
    CAPTURE(path);
    CHECK_FALSE(is_member_path(path));
  }
}

}  // namespace layergate::backup
