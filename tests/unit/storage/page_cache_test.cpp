#include "storage/page_cache.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <string>

#include <doctest/doctest.h>

#include "base/fd.h"
#include "tests/unit/temp_dir.h"

namespace layergate::storage {

TEST_CASE("page cache: what is in memory is counted, and what is not is brought in") {
  const TempDir dir;
  const auto path = dir / "file";
  constexpr std::size_t kSize = 3U << 20U;
  write_text(path, std::string(kSize, 'x'));
  const Fd fd(::open(path.c_str(), O_RDWR));
  REQUIRE(::fsync(fd.get()) == 0);
  REQUIRE(bring_in(fd.get(), 0, kSize) == kSize);
  std::array<char, 2> bytes{};
  if (read_cached(fd.get(), bytes, 0) < 0) {
    MESSAGE("this filesystem cannot tell");
    CHECK(count_cached(fd.get(), 0, kSize) == 0);
    return;
  }
  CHECK(read_cached(fd.get(), bytes, kSize - 1) == 1);
  CHECK(read_cached(fd.get(), bytes, kSize) == 0);
  CHECK(count_cached(fd.get(), 0, kSize) == kSize);
  CHECK(count_cached(fd.get(), 5, 1) == 1);
  CHECK(count_cached(fd.get(), 5, 0) == 0);
  CHECK(count_cached(fd.get(), kSize, 1) == 0);
  CHECK(count_cached(fd.get(), 0, kSize + 1) < kSize + 1);

  REQUIRE(::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_DONTNEED) == 0);
  if (read_cached(fd.get(), bytes, 0) > 0) return;  // in memory for good (tmpfs)
  CHECK(count_cached(fd.get(), 0, kSize) == 0);
  CHECK(bring_in(fd.get(), 100, 1U << 20U) == 1 << 20);
  CHECK(count_cached(fd.get(), 100, 1U << 20U) == 1 << 20);
  CHECK(bring_in(fd.get(), kSize - 10, 100) == 10);
  CHECK(bring_in(fd.get(), kSize, 100) == 0);
}

TEST_CASE("page cache: a file that cannot be read is told") {
  const TempDir dir;
  const Fd fd(::open(dir.path().c_str(), O_RDONLY | O_DIRECTORY));
  CHECK(bring_in(fd.get(), 0, 100) == -1);
  CHECK(count_cached(fd.get(), 0, 100) == 0);
}

}  // namespace layergate::storage
