#include "acl/loader.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include <doctest/doctest.h>

#include "tests/unit/acl/policy_text.h"
#include "tests/unit/temp_dir.h"

namespace layergate::acl {
namespace {

const char* const kMain = "version: 1\nusers: {alice: {permissions: [pull, push]}}\n";
const char* const kManaged =
    "rules: [{name: managed, who: [alice], images: [\"m:x\"], allow: [pull]}]\n";

std::string errors_of(const std::filesystem::path& file) {
  const auto result = load(file, kTestNow);
  CHECK((result.policy == nullptr) == !result.errors.empty());
  return as_lines(result.errors);
}

}  // namespace

TEST_CASE("acl: acl.yml is loaded alone or with what lies in acl.d") {
  const TempDir dir;
  write_text(dir / "acl.yml", kMain);
  auto result = load(dir / "acl.yml", kTestNow);
  REQUIRE(result.policy);
  CHECK(result.policy->rule_count() == 0);

  std::filesystem::create_directory(dir / "acl.d");
  write_text(dir / "acl.d/managed.yml", kManaged);
  result = load(dir / "acl.yml", kTestNow);
  REQUIRE(result.policy);
  const auto decision = result.policy->decide(Asked::who("alice"), Action::pull, "m", "x");
  CHECK(decision.to_string() == "allowed by managed (acl.d/managed.yml:1)");
}

TEST_CASE(
    "acl: files of acl.d merge in the order of their names, and other names are passed over") {
  const TempDir dir;
  write_text(dir / "acl.yml", kMain);
  std::filesystem::create_directory(dir / "acl.d");
  const auto rule = [](const std::string& name) {
    return "rules: [{name: " + name + ", who: [alice], images: [m], allow: [pull]}]\n";
  };
  write_text(dir / "acl.d/20-b.yml", rule("b"));
  write_text(dir / "acl.d/10-a.yml", rule("a"));
  write_text(dir / "acl.d/.hidden.yml", "not: [a, policy");
  write_text(dir / "acl.d/notes.txt", "not: [a, policy");
  write_text(dir / "acl.d/10-a.yml~", "not: [a, policy");
  write_text(dir / "acl.d/empty.yml", "# nothing yet\n");
  std::filesystem::create_directory(dir / "acl.d/..data");
  const auto result = load(dir / "acl.yml", kTestNow);
  REQUIRE_MESSAGE(result.policy, as_lines(result.errors));
  CHECK(result.policy->rule_count() == 2);
  CHECK(result.policy->decide(Asked::who("alice"), Action::pull, "m", "x").rule->name == "a");
}

TEST_CASE("acl: a user or a group may stand in one file only") {
  const auto result = parse({{"acl.yml", "version: 1\nusers:\n  a: {}\ngroups: {g: [a]}\n"},
                             {"acl.d/x.yml", "users:\n  b: {}\n  a: {}\ngroups: {g: []}\n"}},
                            kTestNow);
  CHECK(as_lines(result.errors) ==
        "acl.d/x.yml:3:3: user \"a\" stands also at acl.yml:3: it may stand in one file only\n"
        "acl.d/x.yml:4:10: group \"g\" stands also at acl.yml:4: it may stand in one file only");
}

TEST_CASE("acl: files refer to each other's users and groups") {
  const auto result = parse({{"acl.yml", "version: 1\ngroups: {g: [b]}\n"},
                             {"acl.d/x.yml",
                              "version: 1\nusers: {b: {permissions: [pull]}}\n"
                              "rules: [{who: [\"@g\"], images: [m], allow: [pull]}]\n"}},
                            kTestNow);
  REQUIRE_MESSAGE(result.policy, as_lines(result.errors));
  CHECK(result.policy->decide(Asked::who("b"), Action::pull, "m", "x").allowed);
}

TEST_CASE("acl: what only acl.yml may say is refused in acl.d") {
  const auto result = parse({{"acl.yml", "version: 1\n"},
                             {"acl.d/x.yml", "version: 2\nimmutable: []\nunregistered: push\n"}},
                            kTestNow);
  CHECK(as_lines(result.errors) ==
        "acl.d/x.yml:1:10: version must be a whole number from 1 to 1, and is \"2\"\n"
        "acl.d/x.yml:2:1: \"immutable\" may stand only in acl.yml\n"
        "acl.d/x.yml:3:1: \"unregistered\" may stand only in acl.yml");
}

TEST_CASE("acl: a file that is no YAML does not make others' words unknown") {
  const auto result =
      parse({{"acl.yml", "version: 1\nrules: [{who: [b], images: [m], allow: [pull]}]\n"},
             {"acl.d/x.yml", "users: {b: {}"}},
            kTestNow);
  CHECK(as_lines(result.errors) ==
        "acl.d/x.yml:1:14: a \"{\" is not closed, or a comma is missing");
}

TEST_CASE("acl: what cannot be read refuses the load") {
  const TempDir dir;
  CHECK(errors_of(dir / "acl.yml") == "acl.yml: cannot be opened: No such file or directory");
  std::filesystem::create_directory(dir / "acl.yml");
  CHECK(errors_of(dir / "acl.yml") == "acl.yml: is a directory");
  std::filesystem::remove(dir / "acl.yml");
  REQUIRE(::mkfifo((dir / "acl.yml").c_str(), 0600) == 0);
  CHECK(errors_of(dir / "acl.yml") == "acl.yml: is not a regular file");
  std::filesystem::remove(dir / "acl.yml");

  write_text(dir / "acl.yml", kMain);
  CHECK(errors_of(dir / "acl.yml") == "");
  write_text(dir / "acl.d", "no directory");
  CHECK(errors_of(dir / "acl.yml") == "acl.d: cannot be listed: Not a directory");
  std::filesystem::remove(dir / "acl.d");

  std::filesystem::create_directory(dir / "acl.d");
  std::filesystem::create_symlink("nowhere", dir / "acl.d/dangling.yml");
  CHECK(errors_of(dir / "acl.yml") ==
        "acl.d/dangling.yml: cannot be opened: No such file or directory");
  std::filesystem::remove(dir / "acl.d/dangling.yml");
  std::filesystem::create_directory(dir / "acl.d/folder.yml");
  CHECK(errors_of(dir / "acl.yml") == "acl.d/folder.yml: is a directory");
  std::filesystem::remove(dir / "acl.d/folder.yml");

  write_text(dir / "acl.d/x.yml", kManaged);
  std::filesystem::permissions(dir / "acl.d/x.yml", std::filesystem::perms::none);
  if (::geteuid() != 0) {  // root reads everything
    CHECK(errors_of(dir / "acl.yml") == "acl.d/x.yml: cannot be opened: Permission denied");
  }
}

TEST_CASE("acl: a file that is too large is refused before it is read") {
  const TempDir dir;
  write_text(dir / "acl.yml", kMain);
  REQUIRE(::truncate((dir / "acl.yml").c_str(), (256 << 20) + 1) == 0);  // a hole: takes no space
  CHECK(errors_of(dir / "acl.yml") == "acl.yml: is larger than 268435456 bytes");
}

TEST_CASE("acl: bytes that are no text are refused, and those of other systems' editors are not") {
  const auto load_text = [](std::string_view text) {
    return as_lines(parse_text(std::string{text}).errors);
  };
  using namespace std::string_view_literals;
  CHECK(load_text("version: 1\n# \xff\n"sv) == "acl.yml:2:3: not UTF-8");
  CHECK(load_text("version: 1\n#\0\n"sv) == "acl.yml:2:2: a NUL byte: this is not a text file");
  CHECK(load_text("\xef\xbb\xbfversion: 1\r\nusers:\r\n  张伟: {permissions: [pull]}\r\n"sv) == "");
}

TEST_CASE("acl: what is allowed but hardly meant is a warning") {
  const auto warnings = [](const std::string& rest) {
    const auto result = parse_text("version: 1\nusers: {a: {permissions: [pull]}, b: {}}\n" + rest);
    CHECK_MESSAGE(result.policy, as_lines(result.errors));
    return as_lines(result.warnings);
  };
  CHECK(warnings("rules: [{who: [a], images: [m], allow: [pull], expires: 2027-01-01}]\n") == "");
  CHECK(warnings("rules: [{who: [], images: [m], allow: [pull]}]\n") == "");
  CHECK(warnings("rules: [{who: [a], images: [m], deny: [pull], expires: 2027-01-01}]\n") ==
        "acl.yml:3:9: a deny rule with expires: what it closes opens when it ends");
  CHECK(warnings("rules: [{who: [a], images: [m], allow: [pull], expires: 2026-01-01}]\n") ==
        "acl.yml:3:9: the rule has expired and does nothing any more");
  CHECK(warnings("rules: [{who: [], images: [m], deny: [pull]}]\n") ==
        "acl.yml:3:9: the rule matches no account, so it denies nothing");
  CHECK(warnings("groups: {g: []}\nrules: [{who: [\"@g\"], images: [m], allow: [pull]}]\n") ==
        "acl.yml:4:9: the rule matches no account, so it allows nothing");
  CHECK(warnings("rules: [{who: [a, b], images: [m], allow: [pull, push]}]\n") ==
        "acl.yml:3:19: the permissions of user \"b\" hold none of what this rule allows");
  CHECK(warnings("rules: [{who: [b], images: [m], deny: [push]}]\n") == "");

  const auto expired = parse_text("version: 1\nusers:\n  a: {expires: 2026-06-01T12:00:00Z}\n");
  CHECK(as_lines(expired.warnings) == "acl.yml:3:3: user \"a\" has expired");
}

TEST_CASE("acl: a rule that multiplies beyond memory is refused") {
  std::string text = "version: 1\nusers:\n";
  std::string who;
  for (int i = 0; i < 6000; ++i) {
    text += "  u" + std::to_string(i) + ": {permissions: [pull]}\n";
    who += "u" + std::to_string(i) + ", ";
  }
  std::string images;
  for (int i = 0; i < 6000; ++i) images += "m" + std::to_string(i) + ", ";
  const auto result = parse_text(text + "rules:\n  - {who: [" + who + "], images: [" + images +
                                 "], allow: [pull]}\n");
  REQUIRE(result.errors.size() == 1);
  CHECK(result.errors[0].what.find("put users that often stand together in a group") !=
        std::string::npos);
}

TEST_CASE("acl: the example that the documents quote loads without a warning") {
  const std::filesystem::path root{LAYERGATE_SOURCE_DIR};
  const auto result = load(root / "conf/example/acl.yml", kTestNow);
  CHECK(as_lines(result.errors) == "");
  CHECK(as_lines(result.warnings) == "");
}

}  // namespace layergate::acl
