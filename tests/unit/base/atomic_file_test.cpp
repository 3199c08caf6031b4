#include "base/atomic_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include <doctest/doctest.h>

#include "tests/unit/temp_dir.h"

namespace layergate {
namespace {

struct stat look_at(const std::filesystem::path& path) {
  struct stat info {};
  REQUIRE(::stat(path.c_str(), &info) == 0);
  return info;
}

TEST_CASE("atomic file: a new file gets the text and the mode, whatever the umask is") {
  const TempDir dir;
  const auto before = ::umask(0077);
  const auto written = write_file_atomically(dir / "f", "text\n", 0644);
  ::umask(before);
  CHECK(written);
  CHECK(read_text(dir / "f") == "text\n");
  CHECK((look_at(dir / "f").st_mode & 07777) == 0644);
}

TEST_CASE("atomic file: an old file's mode and owner are kept, and its inode is another") {
  const TempDir dir;
  write_text(dir / "f", "old");
  REQUIRE(::chmod((dir / "f").c_str(), 0604) == 0);
  if (::geteuid() == 0) {
    REQUIRE(::chown((dir / "f").c_str(), 12345, 23456) == 0);
  }
  const auto old = look_at(dir / "f");
  CHECK(write_file_atomically(dir / "f", "new", 0600));
  const auto now = look_at(dir / "f");
  CHECK(read_text(dir / "f") == "new");
  CHECK(now.st_mode == old.st_mode);
  CHECK(now.st_uid == old.st_uid);
  CHECK(now.st_gid == old.st_gid);
  CHECK(now.st_ino != old.st_ino);
}

TEST_CASE("atomic file: a symbolic link stays and its file is replaced") {
  const TempDir dir;
  write_text(dir / "target", "old");
  std::filesystem::create_symlink("target", dir / "link");
  CHECK(write_file_atomically(dir / "link", "new"));
  CHECK(std::filesystem::is_symlink(dir / "link"));
  CHECK(read_text(dir / "target") == "new");
}

TEST_CASE("atomic file: a name without a directory is one of the working directory") {
  const TempDir dir;
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(dir.path());
  const auto written = write_file_atomically("bare", "text");
  std::filesystem::current_path(before);
  CHECK(written);
  CHECK(read_text(dir / "bare") == "text");
}

TEST_CASE("atomic file: what failed is told with its path, and nothing is left behind") {
  const TempDir dir;
  const auto error_of = [](const std::filesystem::path& path) {
    const auto written = write_file_atomically(path, "x");
    REQUIRE_FALSE(written);
    return written.error();
  };
  const auto absent = error_of((dir / "absent") / "f");
  CHECK(absent.find("absent/f") != std::string::npos);
  CHECK(absent.find("No such file or directory") != std::string::npos);
  CHECK(error_of(dir.path()).find("not a regular file") != std::string::npos);
  std::filesystem::create_symlink("nowhere", dir / "dangling");
  CHECK(error_of(dir / "dangling").find("dangling") != std::string::npos);
  write_text(dir / "file", "old");
  CHECK(error_of((dir / "file") / "below").find("Not a directory") != std::string::npos);
  CHECK(read_text(dir / "file") == "old");
  int entries = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(dir.path())) {
    ++entries;
  }
  CHECK(entries == 2);
}

}  // namespace
}  // namespace layergate
