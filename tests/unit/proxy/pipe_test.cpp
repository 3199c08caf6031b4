#include "proxy/pipe.h"

#include <utility>

#include <doctest/doctest.h>

using namespace layergate::proxy;

TEST_CASE(
    "pipe: no more than the budget, whichever pool asks; what comes back may be taken again") {
  PipeBudget budget(2);
  PipePool one(budget);
  auto first = one.take();
  REQUIRE(first);
  {
    PipePool two(budget);
    auto second = two.take();
    REQUIRE(second);
    CHECK_FALSE(one.take());
    two.give_back(std::move(second));
    CHECK_FALSE(one.take());  // the other pool keeps it for itself
  }
  auto third = one.take();
  CHECK(third);
  CHECK_FALSE(one.take());
  one.give_back(std::move(third));
  one.give_back(std::move(first));
  CHECK(one.take());
}

TEST_CASE("pipe: one with bytes in it is not used again, and its place is free") {
  PipeBudget budget(1);
  PipePool pool(budget);
  auto pipe = pool.take();
  REQUIRE(pipe);
  pipe->held = 1;
  pool.give_back(std::move(pipe));
  const auto next = pool.take();
  REQUIRE(next);
  CHECK(next->held == 0);
}
