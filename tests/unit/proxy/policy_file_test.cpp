// The file beside the state: used if it is ours and of these very files, and only then.
#include "proxy/policy_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "tests/unit/temp_dir.h"

namespace layergate::proxy {
namespace {

const WallTime kNow = *parse_time("2026-06-01");
const std::string kPolicy =
    "version: 1\nusers:\n  alice: {permissions: [pull]}\n"
    "rules: [{who: [alice], images: [\"a\"], allow: [pull]}]\n";

class Place {
 public:
  explicit Place(const std::string& policy = kPolicy) { write_text(acl(), policy); }

  [[nodiscard]] std::filesystem::path acl() const { return dir_ / "acl.yml"; }
  [[nodiscard]] std::filesystem::path form() const { return dir_ / "policy.compiled"; }

  // Loads and, unless it was compiled before, keeps; returns when that was done.
  PolicyFile::Loaded load(const std::string& program = "build 1",
                          const std::vector<std::string>& once = {}, std::size_t worthwhile = 0) {
    PolicyFile file(form(), program, worthwhile);
    auto loaded = file.load(acl(), kNow, once);
    if (!loaded.result.policy) return loaded;
    const auto before = stamp();
    file.keep(loaded, once);
    for (int i = 0; loaded.to_keep && stamp() == before && i < 500; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return loaded;
  }

 private:
  [[nodiscard]] ino_t stamp() const {
    struct stat status {};
    return ::stat(form().c_str(), &status) == 0 ? status.st_ino : 0;
  }

  TempDir dir_;
};

bool allows(const PolicyFile::Loaded& loaded) {
  return loaded.result.policy->decide({"alice", {}, kNow}, acl::Action::pull, "a", "1").allowed;
}

}  // namespace

TEST_CASE("policy file: the second load takes the compiled form, and answers the same") {
  Place place;
  const auto first = place.load();
  const auto second = place.load();
  CHECK_FALSE(first.was_compiled);
  CHECK(second.was_compiled);
  CHECK(allows(first));
  CHECK(allows(second));
  struct stat status {};
  REQUIRE(::stat(place.form().c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0600);
}

TEST_CASE("policy file: it holds for these files, this program and what was covered, only") {
  Place place;
  place.load();
  SUBCASE("another text") {
    write_text(place.acl(), kPolicy + "# a comment\n");
    CHECK_FALSE(place.load().was_compiled);
  }
  SUBCASE("a file more in acl.d") {
    std::filesystem::create_directory(place.acl().parent_path() / "acl.d");
    write_text(place.acl().parent_path() / "acl.d" / "x.yml",
               "rules: [{who: [\"*\"], images: [\"**\"], deny: [pull]}]\n");
    const auto loaded = place.load();
    CHECK_FALSE(loaded.was_compiled);
    CHECK_FALSE(allows(loaded));
  }
  SUBCASE("another build of the program") { CHECK_FALSE(place.load("build 2").was_compiled); }
  SUBCASE("no build that is known") { CHECK_FALSE(place.load("").was_compiled); }
  SUBCASE("more was covered") { CHECK_FALSE(place.load("build 1", {"b:*"}).was_compiled); }
  SUBCASE("a policy that does not load") {
    write_text(place.acl(), "version: 1\nrulez: []\n");
    const auto loaded = place.load();
    CHECK_FALSE(loaded.was_compiled);
    CHECK(loaded.result.policy == nullptr);
    CHECK(loaded.result.errors.size() == 1);
  }
}

TEST_CASE("policy file: what others may have written is not looked at, and replaced") {
  Place place;
  place.load();
  SUBCASE("writable by the group") { REQUIRE(::chmod(place.form().c_str(), 0660) == 0); }
  SUBCASE("writable by all") { REQUIRE(::chmod(place.form().c_str(), 0602) == 0); }
  SUBCASE("a link") {
    std::filesystem::rename(place.form(), place.acl().parent_path() / "elsewhere");
    std::filesystem::create_symlink("elsewhere", place.form());
  }
  SUBCASE("of another account") {
    if (::geteuid() != 0) return;
    REQUIRE(::chown(place.form().c_str(), 1, 1) == 0);
  }
  SUBCASE("cut off") { std::filesystem::resize_file(place.form(), 200); }
  SUBCASE("empty") { write_text(place.form(), ""); }
  SUBCASE("damaged") {
    auto text = read_text(place.form());
    text.back() = static_cast<char>(text.back() ^ 1);
    write_text(place.form(), text);
  }
  CHECK_FALSE(place.load().was_compiled);
  CHECK(place.load().was_compiled);
}

TEST_CASE("policy file: of a small policy none is kept") {
  Place place;
  place.load("build 1", {}, 1);
  REQUIRE(std::filesystem::exists(place.form()));
  write_text(place.acl(), kPolicy + "# changed\n");
  place.load("build 1", {}, 2);
  CHECK_FALSE(std::filesystem::exists(place.form()));
}

TEST_CASE("policy file: one that is written while it is read is whole or not there") {
  Place place;
  place.load();
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      PolicyFile file(place.form(), "build 1", 0);
      for (int round = 0; round < 30; ++round) {
        auto loaded = file.load(place.acl(), kNow, {});
        CHECK(allows(loaded));
        if (round % 3 == 0) {
          loaded.to_keep =
              PolicyFile(place.form(), "build 2", 0).load(place.acl(), kNow, {}).to_keep;
          file.keep(loaded, {});
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(place.load().result.policy != nullptr);
}

}  // namespace layergate::proxy
