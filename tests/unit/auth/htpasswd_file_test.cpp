#include "auth/htpasswd_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "auth/htpasswd.h"
#include "base/fd.h"
#include "tests/unit/auth/hashes.h"
#include "tests/unit/temp_dir.h"

namespace layergate::auth {
namespace {

const std::string kHash = kBcrypt4;
const std::string kOther = kBcrypt5;

mode_t mode_of(const std::filesystem::path& path) {
  struct stat info {};
  REQUIRE(::stat(path.c_str(), &info) == 0);
  return info.st_mode & 07777;
}

TEST_CASE("htpasswd file: the first user makes the file, readable to its group only") {
  const TempDir dir;
  CHECK(set_user(dir / "htpasswd", "alice", kHash) == LineChange::added);
  CHECK(read_text(dir / "htpasswd") == "alice:" + kHash + "\n");
  CHECK(mode_of(dir / "htpasswd") == 0640);
}

TEST_CASE("htpasswd file: comments, order, line ends and the mode are kept") {
  const TempDir dir;
  const auto file = dir / "htpasswd";
  const std::string head = "# accounts\r\n\r\nzoe:" + kHash + "\r\n";
  write_text(file, head + "alice:" + kHash + "\r\n#bob:old\nthis line is broken\nbob:" + kHash);
  REQUIRE(::chmod(file.c_str(), 0604) == 0);

  CHECK(set_user(file, "alice", kOther) == LineChange::replaced);
  CHECK(read_text(file) ==
        head + "alice:" + kOther + "\r\n#bob:old\nthis line is broken\nbob:" + kHash);
  CHECK(set_user(file, "bob", kOther) == LineChange::replaced);
  CHECK(read_text(file) ==
        head + "alice:" + kOther + "\r\n#bob:old\nthis line is broken\nbob:" + kOther);
  CHECK(set_user(file, "carol", kHash) == LineChange::added);
  CHECK(read_text(file) == head + "alice:" + kOther + "\r\n#bob:old\nthis line is broken\nbob:" +
                               kOther + "\ncarol:" + kHash + "\n");
  CHECK(remove_user(file, "alice") == LineChange::removed);
  CHECK(remove_user(file, "alice") == LineChange::absent);
  CHECK(read_text(file) ==
        head + "#bob:old\nthis line is broken\nbob:" + kOther + "\ncarol:" + kHash + "\n");
  CHECK(mode_of(file) == 0604);
}

TEST_CASE("htpasswd file: many users are set in one step, or none") {
  const TempDir dir;
  const auto file = dir / "htpasswd";
  write_text(file, "# ours\nbob:" + kHash + "\nzoe:" + kHash);
  CHECK(set_users(file, {{"alice", kOther}, {"bob", kOther}, {"carol", kHash}}));
  const auto text =
      "# ours\nbob:" + kOther + "\nzoe:" + kHash + "\nalice:" + kOther + "\ncarol:" + kHash + "\n";
  CHECK(read_text(file) == text);
  CHECK_FALSE(set_users(file, {{"alice", kHash}, {"bob", "plain"}}));
  CHECK_FALSE(set_users(file, {{"alice", kHash}, {"a:b", kHash}}));
  CHECK(set_users(file, {}));
  CHECK(read_text(file) == text);
}

TEST_CASE("htpasswd file: a new line ends as the last one does") {
  const TempDir dir;
  write_text(dir / "f", "a:" + kHash + "\r\n");
  CHECK(set_user(dir / "f", "b", kHash) == LineChange::added);
  CHECK(read_text(dir / "f") == "a:" + kHash + "\r\nb:" + kHash + "\r\n");
}

TEST_CASE("htpasswd file: a user who stood twice stands once, and not at all when removed") {
  const TempDir dir;
  const std::string twice = "a:" + kHash + "\nb:" + kHash + "\na:" + kOther + "\n";
  write_text(dir / "f", twice);
  CHECK(set_user(dir / "f", "a", kOther) == LineChange::replaced);
  CHECK(read_text(dir / "f") == "a:" + kOther + "\nb:" + kHash + "\n");
  write_text(dir / "f", twice);
  CHECK(remove_user(dir / "f", "a") == LineChange::removed);
  CHECK(read_text(dir / "f") == "b:" + kHash + "\n");
}

TEST_CASE("htpasswd file: the first user behind a byte order mark is found") {
  const TempDir dir;
  write_text(dir / "f",
             "\xef\xbb\xbf"
             "a:" +
                 kHash + "\n");
  CHECK(set_user(dir / "f", "a", kOther) == LineChange::replaced);
  CHECK(read_text(dir / "f") ==
        "\xef\xbb\xbf"
        "a:" +
            kOther + "\n");
}

TEST_CASE("htpasswd file: what would not load is not written") {
  const TempDir dir;
  const auto file = dir / "htpasswd";
  CHECK_FALSE(set_user(file, "a:b", kHash));
  CHECK_FALSE(set_user(file, "a\nroot", kHash));
  CHECK_FALSE(set_user(file, "", kHash));
  CHECK_FALSE(set_user(file, "alice", "plain"));
  CHECK_FALSE(set_user(file, "alice", kHash + "\nroot:" + kHash));
  CHECK_FALSE(set_user(file, "alice", ""));
  CHECK_FALSE(remove_user(file, ""));
  CHECK_FALSE(std::filesystem::exists(file));
  CHECK_FALSE(set_user(dir.path(), "alice", kHash));
  CHECK_FALSE(set_user((dir / "no") / "such", "alice", kHash));
  CHECK(remove_user(file, "alice") == LineChange::absent);
  CHECK_FALSE(std::filesystem::exists(file));
}

TEST_CASE("htpasswd file: a symbolic link stays, and what it leads to is changed") {
  const TempDir dir;
  std::filesystem::create_directory(dir / "real");
  write_text((dir / "real") / "htpasswd", "a:" + kHash + "\n");
  std::filesystem::create_symlink("real/htpasswd", dir / "htpasswd");
  CHECK(set_user(dir / "htpasswd", "a", kOther) == LineChange::replaced);
  CHECK(std::filesystem::is_symlink(dir / "htpasswd"));
  CHECK(read_text((dir / "real") / "htpasswd") == "a:" + kOther + "\n");
}

TEST_CASE("htpasswd file: a held lock is waited for, and then told") {
  const TempDir dir;
  const Fd lock(::open((dir / "f.lock").c_str(), O_RDONLY | O_CREAT | O_CLOEXEC, 0640));
  REQUIRE(::flock(lock.get(), LOCK_EX) == 0);
  const auto refused = set_user(dir / "f", "a", kHash, std::chrono::milliseconds{50});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().find("f.lock") != std::string::npos);
  REQUIRE(::flock(lock.get(), LOCK_UN) == 0);
  CHECK(set_user(dir / "f", "a", kHash) == LineChange::added);
}

TEST_CASE("htpasswd file: writers at the same time lose nothing, and a reader never sees a part") {
  const TempDir dir;
  const auto file = dir / "htpasswd";
  constexpr int kWriters = 8;
  constexpr int kUsers = 5;
  write_text(file, "");
  std::atomic<bool> done{false};
  std::atomic<int> broken{0};
  std::thread reader([&] {
    while (!done) {
      if (!Htpasswd::load(file).htpasswd) ++broken;
    }
  });
  std::vector<std::thread> writers;
  for (int w = 0; w < kWriters; ++w) {
    writers.emplace_back([&, w] {
      for (int u = 0; u < kUsers; ++u) {
        if (!set_user(file, "user-" + std::to_string(w) + "-" + std::to_string(u), kHash)) ++broken;
      }
    });
  }
  for (auto& writer : writers) writer.join();
  done = true;
  reader.join();
  CHECK(broken == 0);
  const auto loaded = Htpasswd::load(file);
  REQUIRE(loaded.htpasswd);
  CHECK(loaded.htpasswd->users().size() == kWriters * kUsers);
  for (const auto& entry : std::filesystem::directory_iterator(dir.path())) {
    const auto name = entry.path().filename().string();
    CHECK((name == "htpasswd" || name == "htpasswd.lock"));  // no temporary file is left
  }
}

}  // namespace
}  // namespace layergate::auth
