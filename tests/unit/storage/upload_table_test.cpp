#include "storage/upload_table.h"

#include <string>

#include <doctest/doctest.h>

namespace layergate::storage {

using Progress = UploadTable::Progress;

TEST_CASE("storage upload table: one at a time, and the next goes on where it was left") {
  UploadTable table;
  CHECK_FALSE(table.enter("a").is_busy);
  CHECK(table.enter("a").is_busy);
  CHECK_FALSE(table.enter("b").is_busy);
  CHECK(table.busy() == 2);
  table.leave("a", Progress{3, Hash(Hash::Algorithm::sha256)});
  CHECK(table.busy() == 1);
  const auto again = table.enter("a");
  CHECK_FALSE(again.is_busy);
  REQUIRE(again.progress);
  CHECK(again.progress->size == 3);
  table.leave("a", std::nullopt);
  CHECK_FALSE(table.enter("a").progress);
}

TEST_CASE("storage upload table: those that were left first are forgotten") {
  UploadTable table;
  for (std::size_t i = 0; i <= UploadTable::kMost; ++i) {
    const auto id = std::to_string(i);
    table.enter(id);
    table.leave(id, Progress{i, Hash(Hash::Algorithm::sha256)});
  }
  CHECK_FALSE(table.enter("0").progress);
  CHECK(table.enter("1").progress);
  CHECK(table.enter(std::to_string(UploadTable::kMost)).progress);
}

TEST_CASE("storage upload table: nothing is done to one that is worked on") {
  UploadTable table;
  int done = 0;
  table.enter("a");
  table.if_idle("a", [&] { ++done; });
  CHECK(done == 0);
  table.leave("a", Progress{1, Hash(Hash::Algorithm::sha256)});
  table.if_idle("a", [&] { ++done; });
  table.if_idle("b", [&] { ++done; });
  CHECK(done == 2);
  CHECK_FALSE(table.enter("a").progress);
}

}  // namespace layergate::storage
