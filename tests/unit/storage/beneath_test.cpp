#include "storage/beneath.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>

#include <doctest/doctest.h>

#include "tests/unit/temp_dir.h"

namespace layergate::storage {

namespace fs = std::filesystem;

namespace {

std::string content(const Opened& opened) {
  std::array<char, 16> text{};
  const auto bytes = ::read(opened.fd.get(), text.data(), text.size());
  return bytes < 0 ? "?" : std::string(text.data(), static_cast<std::size_t>(bytes));
}

}  // namespace

TEST_CASE("storage beneath: files are opened, and nothing leads out") {
  const TempDir dir;
  fs::create_directories(dir / "root/a/b");
  write_text(dir / "root/a/b/file", "in");
  write_text(dir / "outside", "out");
  fs::create_symlink(dir / "outside", dir / "root/a/absolute");
  fs::create_symlink("../../outside", dir / "root/a/relative");
  fs::create_symlink("b/file", dir / "root/a/inside");
  fs::create_symlink("b", dir / "root/a/directory");
  fs::create_symlink(dir / "root", dir / "alias");
  REQUIRE(::mkfifo((dir / "root/pipe").c_str(), 0600) == 0);

  const auto root = open_root(dir / "alias", Wait::yes);
  REQUIRE(root.error == 0);
  for (const bool by_steps : {false, true}) {
    CAPTURE(by_steps);
    const auto open = [&](const std::string& path) {
      return by_steps ? open_by_steps(root.fd.get(), path)
                      : open_beneath(root.fd.get(), path, Wait::yes);
    };
    CHECK(content(open("a/b/file")) == "in");
    CHECK(open("a/b/none").error == ENOENT);
    CHECK(open("a/none/file").error == ENOENT);
    CHECK(open("a/b/file/more").error == ENOTDIR);
    for (const auto* path : {"a/absolute", "a/relative", "a/inside"}) {
      CHECK(open(path).error == ELOOP);
    }
    const auto through = open("a/directory/file").error;
    CHECK((through == ELOOP || through == ENOTDIR));
    CHECK(open("../outside").error != 0);
    CHECK(open("a/../../outside").error != 0);
    CHECK(open("pipe").error == 0);  // and has not waited for a writer
  }
  CHECK(open_root(dir / "none", Wait::yes).error == ENOENT);
  CHECK(open_root(dir / "outside", Wait::yes).error == ENOTDIR);
}

TEST_CASE("storage beneath: without waiting, it is opened or said that one would have to") {
  const TempDir dir;
  write_text(dir / "file", "in");
  const auto root = open_root(dir.path(), Wait::no);
  CHECK((root.error == 0 || root.error == EAGAIN));
  const auto sure = open_root(dir.path(), Wait::yes);
  const auto opened = open_beneath(sure.fd.get(), "file", Wait::no);
  CHECK((opened.error == EAGAIN || content(opened) == "in"));
}

TEST_CASE("storage beneath: directories are made like those that hold them") {
  const TempDir dir;
  fs::create_directories(dir / "root/a");
  fs::permissions(dir / "root/a", fs::perms(0750));
  fs::create_directory_symlink(dir.path(), dir / "root/a/out");
  const auto root = open_root(dir / "root", Wait::yes);
  REQUIRE(root.error == 0);

  const auto made = make_directories(root.fd.get(), "a/b/c");
  REQUIRE(made.error == 0);
  for (const auto* name : {"root/a/b", "root/a/b/c"}) {
    CHECK((fs::status(dir / name).permissions() & fs::perms::mask) == fs::perms(0750));
  }
  CHECK(make_directories(root.fd.get(), "a/b/c").error == 0);

  const Fd file(::openat(made.fd.get(), "file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  CHECK(adopt(made.fd.get(), file.get()) == 0);
  CHECK(fs::status(dir / "root/a/b/c/file").permissions() == fs::perms(0640));

  CHECK(make_directories(root.fd.get(), "a/out/x").error != 0);
  CHECK(make_directories(root.fd.get(), "a/../x").error == EINVAL);
  CHECK(make_directories(root.fd.get(), "a/b/c/file/x").error == ENOTDIR);
  CHECK_FALSE(fs::exists(dir / "x"));
}

}  // namespace layergate::storage
