#include "proxy/open_files.h"

#include <doctest/doctest.h>

using layergate::proxy::OpenFiles;

TEST_CASE("open files: clients get the most, and some are left for pipes") {
  CHECK(OpenFiles::clients(20'000) == 9'680);
  CHECK(OpenFiles::pipes(20'000, 9'680) == 256);
  CHECK(OpenFiles::pipes(20'000, 5'000) == 4'936);
  CHECK(OpenFiles::clients(1'024) == 320);
  CHECK(OpenFiles::pipes(1'024, 320) == 128);
  CHECK(OpenFiles::clients(64) == 1);  // better one than none
  CHECK(OpenFiles::pipes(64, 1) == 0);
}
