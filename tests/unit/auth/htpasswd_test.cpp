#include "auth/htpasswd.h"

#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include <doctest/doctest.h>

#include "auth/hash_form.h"
#include "tests/unit/auth/hashes.h"
#include "tests/unit/temp_dir.h"

namespace layergate::auth {
namespace {

const std::string kGood10 = "$2y$10$ftVCghji3VMFAj4tb8uPGOp.E7swBqEKjbl4buk011atpFzUE890W";

std::string line(const std::string& user, const std::string& hash) {
  return user + ":" + hash + "\n";
}

// The only error of a text that has exactly one.
Problem only_error(const std::string& text) {
  const auto loaded = Htpasswd::parse(text, "htpasswd");
  CHECK_FALSE(loaded.htpasswd);
  REQUIRE(loaded.errors.size() == 1);
  return loaded.errors.front();
}

bool says(const Problem& problem, std::string_view part) {
  return problem.what.find(part) != std::string::npos;
}

TEST_CASE("htpasswd: users are found by their exact name") {
  const auto loaded = Htpasswd::parse(line("alice", kGood10) + line("Bob", kGood10), "htpasswd");
  REQUIRE(loaded.htpasswd);
  CHECK(loaded.errors.empty());
  CHECK(loaded.warnings.empty());
  REQUIRE(loaded.htpasswd->find("alice") != nullptr);
  CHECK(*loaded.htpasswd->find("alice") == kGood10);
  CHECK(loaded.htpasswd->find("Alice") == nullptr);
  CHECK(loaded.htpasswd->find("") == nullptr);
  CHECK(loaded.htpasswd->users() == std::vector<std::string>{"Bob", "alice"});
}

TEST_CASE("htpasswd: comments, empty lines, CR LF, a byte order mark and a missing last newline") {
  const auto loaded = Htpasswd::parse(
      "\xef\xbb\xbf# accounts\r\n\r\nalice:" + kGood10 + "\r\n#bob:x\n\nbob:" + kGood10,
      "htpasswd");
  REQUIRE(loaded.htpasswd);
  CHECK(loaded.htpasswd->users() == std::vector<std::string>{"alice", "bob"});
  CHECK(*loaded.htpasswd->find("alice") == kGood10);
}

TEST_CASE("htpasswd: an empty file is valid and has a decoy of cost 10") {
  const auto loaded = Htpasswd::parse("", "htpasswd");
  REQUIRE(loaded.htpasswd);
  CHECK(loaded.htpasswd->users().empty());
  const auto form = recognise_hash(loaded.htpasswd->decoy());
  REQUIRE(form);
  CHECK(form->algorithm == Algorithm::bcrypt);
  CHECK(form->cost == 10);
}

TEST_CASE("htpasswd: the decoy costs what the most costly line does") {
  const auto decoy_of = [](const std::string& text) {
    const auto loaded = Htpasswd::parse(text, "htpasswd");
    REQUIRE(loaded.htpasswd);
    return *recognise_hash(loaded.htpasswd->decoy());
  };
  CHECK(decoy_of(line("a", kBcrypt4)).cost == 4);
  CHECK(decoy_of(line("a", kBcrypt4) + line("b", kGood10) + line("c", kBcrypt5)).cost == 10);
  CHECK(decoy_of(line("a", kSha256) + line("b", kApr1)).algorithm != Algorithm::bcrypt);
  CHECK(decoy_of(line("a", kYescrypt) + line("b", kBcrypt4)).algorithm == Algorithm::yescrypt);
}

TEST_CASE("htpasswd: refused hashes are told with line, user and cure, and without the hash") {
  const auto error =
      only_error("# x\nalice:" + kGood10 + "\nbob:{SHA}6dcfXufJLW3J6S/9rRe4vUlBj5g=\n");
  CHECK(error.file == "htpasswd");
  CHECK(error.line == 3);
  CHECK(says(error, "\"bob\""));
  CHECK(says(error, "{SHA}"));
  CHECK(says(error, "htpasswd -B -C 10 htpasswd bob"));
  CHECK_FALSE(says(error, "6dcfXu"));
  CHECK(says(only_error("bob:S426A31SDvmQk\n"), "DES"));
  const auto plain = only_error("bob:letmein\n");
  CHECK(says(plain, "plain text"));
  CHECK_FALSE(says(plain, "letmein"));
  const auto costly = only_error("bob:" + std::string(kGood10).replace(4, 2, "15") + "\n");
  CHECK(costly.line == 1);
  CHECK(says(costly, "cost 15"));
}

TEST_CASE("htpasswd: a user twice is told with both lines") {
  const auto error =
      only_error(line("alice", kGood10) + "\n" + line("bob", kGood10) + line("alice", kBcrypt4));
  CHECK(error.line == 4);
  CHECK(says(error, "\"alice\""));
  CHECK(says(error, "line 1"));
}

TEST_CASE("htpasswd: lines that are none are refused") {
  CHECK(says(only_error("alice\n"), "colon"));
  CHECK(says(only_error(":" + kGood10), "empty"));
  CHECK(says(only_error(" alice:" + kGood10), "space"));
  CHECK(says(only_error("alice :" + kGood10), "space"));
  CHECK(says(only_error("al\tice:" + kGood10), "control"));
  CHECK(says(only_error("al\xe4ice:" + kGood10), "UTF-8"));
  CHECK(says(only_error(" \n"), "colon"));
  CHECK(says(only_error("alice:" + kGood10 + ":Alice Liddell\n"), "bcrypt"));
  CHECK(says(only_error("alice:" + kGood10 + " \n"), "bcrypt"));
  CHECK(says(only_error("alice:" + kGood10 + "\rbob:" + kGood10), "bcrypt"));
  const auto nul = only_error("#\nali" + std::string(1, '\0') + "ce:" + kGood10);
  CHECK(says(nul, "NUL"));
  CHECK(nul.line == 2);
}

TEST_CASE("htpasswd: every bad line is told, up to a hundred") {
  const auto two = Htpasswd::parse("alice\nbob\n", "htpasswd");
  CHECK(two.errors.size() == 2);
  std::string text;
  for (int i = 0; i < 250; ++i) text += "x\n";
  const auto many = Htpasswd::parse(text, "htpasswd");
  REQUIRE(many.errors.size() == 101);
  CHECK(says(many.errors.back(), "150 more"));
}

TEST_CASE("htpasswd: $apr1$, weak costs and costs that differ are warnings") {
  const auto apr1 = Htpasswd::parse(line("a", kApr1) + line("b", kApr1), "htpasswd");
  REQUIRE(apr1.htpasswd);
  REQUIRE(apr1.warnings.size() == 2);
  CHECK(apr1.warnings[0].line == 1);
  CHECK(says(apr1.warnings[0], "$apr1$"));
  CHECK(says(apr1.warnings[0], "htpasswd -B"));
  CHECK(apr1.warnings[1].line == 2);

  const auto weak = Htpasswd::parse(line("a", kBcrypt5), "htpasswd");
  REQUIRE(weak.warnings.size() == 1);
  CHECK(says(weak.warnings[0], "bcrypt, cost 5"));

  const auto mixed = Htpasswd::parse(
      line("a", kGood10) + line("b", std::string(kGood10).replace(4, 2, "12")), "f");
  REQUIRE(mixed.warnings.size() == 1);
  CHECK(mixed.warnings[0].line == 0);
  CHECK(says(mixed.warnings[0], "differ in cost"));
}

TEST_CASE("htpasswd: files that cannot be read are told as such") {
  const TempDir dir;
  const auto what_of = [&](const std::filesystem::path& path) {
    const auto loaded = Htpasswd::load(path);
    CHECK_FALSE(loaded.htpasswd);
    REQUIRE(loaded.errors.size() == 1);
    CHECK(loaded.errors[0].file == path.string());
    CHECK(loaded.errors[0].line == 0);
    return loaded.errors[0].what;
  };
  CHECK(what_of(dir / "absent") == "does not exist");
  CHECK(what_of(dir.path()).find("directory") != std::string::npos);
  REQUIRE(::mkfifo((dir / "fifo").c_str(), 0600) == 0);
  CHECK(what_of(dir / "fifo").find("regular") != std::string::npos);
  write_text(dir / "file", "");
  CHECK(what_of((dir / "file") / "below").find("cannot be read") != std::string::npos);
  write_text(dir / "huge", "");
  std::filesystem::resize_file(dir / "huge", Htpasswd::kMostBytes + 1);
  CHECK(what_of(dir / "huge").find("64 MiB") != std::string::npos);
  if (::geteuid() != 0) {
    REQUIRE(::chmod((dir / "file").c_str(), 0) == 0);
    CHECK(what_of(dir / "file").find("denied") != std::string::npos);
  }
}

TEST_CASE("htpasswd: a file is loaded") {
  const TempDir dir;
  write_text(dir / "htpasswd", line("alice", kGood10));
  const auto loaded = Htpasswd::load(dir / "htpasswd");
  REQUIRE(loaded.htpasswd);
  CHECK(loaded.htpasswd->find("alice") != nullptr);
}

}  // namespace
}  // namespace layergate::auth
