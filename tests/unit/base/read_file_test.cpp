#include "base/read_file.h"

#include <sys/stat.h>

#include <doctest/doctest.h>

#include "tests/unit/temp_dir.h"

namespace layergate {

TEST_CASE("read_file: a file is read whole, up to the limit") {
  const TempDir dir;
  const std::string text(300'000, 'x');
  write_text(dir / "f", text);
  CHECK(read_file(dir / "f", text.size()) == text);
  CHECK(read_file(dir / "f", text.size() - 1).error() == "is larger than 299999 bytes");
  write_text(dir / "empty", "");
  CHECK(read_file(dir / "empty", 0) == "");
}

TEST_CASE("read_file: a file whose size is not known before is read too, up to the limit") {
  const auto text = read_file("/proc/self/status", 1 << 20);
  REQUIRE(text);
  CHECK(text->find("Name:") == 0);
  CHECK(read_file("/proc/self/status", 10).error() == "is larger than 10 bytes");
}

TEST_CASE("read_file: only regular files are read, and what is wrong is said") {
  const TempDir dir;
  CHECK(read_file(dir / "none", 10).error() == "cannot be opened: No such file or directory");
  CHECK(read_file(dir.path(), 10).error() == "is a directory");
  REQUIRE(::mkfifo((dir / "pipe").c_str(), 0600) == 0);
  CHECK(read_file(dir / "pipe", 10).error() == "is not a regular file");
  CHECK(read_file("/dev/zero", 10).error() == "is not a regular file");
}

}  // namespace layergate
