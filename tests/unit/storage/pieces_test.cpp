#include "storage/pieces.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include <doctest/doctest.h>

namespace layergate::storage {

TEST_CASE("storage pieces: there are so many and no more, and who waits is told") {
  const auto pieces = std::make_shared<Pieces>(2);
  auto one = pieces->take({});
  auto two = pieces->take({});
  REQUIRE(one);
  REQUIRE(two);
  int told = 0;
  CHECK_FALSE(pieces->take([&] { ++told; }));
  CHECK_FALSE(pieces->take({}));
  CHECK(told == 0);
  two.reset();
  CHECK(told == 1);
  one.reset();
  CHECK(told == 1);
  CHECK(pieces->take({}));
}

TEST_CASE("storage pieces: one is filled and used again empty") {
  const auto pieces = std::make_shared<Pieces>(1);
  {
    auto piece = pieces->take({});
    REQUIRE(piece);
    CHECK(piece->empty());
    CHECK(piece->free_space().size() == Piece::kSize);
    std::fill_n(piece->free_space().begin(), 3, 'x');
    piece->add(3);
    CHECK(piece->view() == "xxx");
    const auto moved = *std::move(piece);
    CHECK(moved.view() == "xxx");
    CHECK_FALSE(pieces->take({}));
  }
  auto piece = pieces->take({});
  REQUIRE(piece);
  CHECK(piece->empty());
  piece->add(Piece::kSize);
  CHECK(piece->is_full());
}

TEST_CASE("storage pieces: one may outlive the rest") {
  auto pieces = std::make_shared<Pieces>(1);
  const auto piece = pieces->take({});
  pieces.reset();
  CHECK(piece->empty());
}

}  // namespace layergate::storage
