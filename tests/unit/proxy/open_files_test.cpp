#include "proxy/open_files.h"

#include <doctest/doctest.h>

using layergate::proxy::OpenFiles;

TEST_CASE("open files: clients come first, pipes get what they leave") {
  CHECK(OpenFiles::clients(20'000) == 9'936);
  CHECK(OpenFiles::pipes(20'000, 9'936) == 0);
  CHECK(OpenFiles::pipes(20'000, 5'000) == 4'936);
  CHECK(OpenFiles::clients(64) == 1);  // better one than none
  CHECK(OpenFiles::pipes(64, 1) == 0);
}
