#include "admin/request.h"

#include <doctest/doctest.h>

namespace layergate::admin {

TEST_CASE("request: cookies are found by their whole name") {
  Request request;
  request.fields = {{"Cookie", "a=1; layergate_session=token; b=2"}, {"cookie", "c=x=y"}};
  CHECK(request.cookie("layergate_session") == "token");
  CHECK(request.cookie("a") == "1");
  CHECK(request.cookie("b") == "2");
  CHECK(request.cookie("c") == "x=y");
  CHECK(request.cookie("session") == std::nullopt);
  CHECK(request.cookie("token") == std::nullopt);
  request.fields = {{"Cookie", ";;=;layergate_session;"}};
  CHECK(request.cookie("layergate_session") == std::nullopt);
}

TEST_CASE("request: lists go over all fields of the name") {
  Request request;
  request.fields = {
      {"X-Forwarded-For", "10.0.0.1, 10.0.0.2"}, {"Host", "x"}, {"x-forwarded-for", "10.0.0.3"}};
  CHECK(request.list("X-Forwarded-For") ==
        std::vector<std::string_view>{"10.0.0.1", "10.0.0.2", "10.0.0.3"});
  REQUIRE(request.field("HOST") != nullptr);
  CHECK(*request.field("HOST") == "x");
  CHECK(request.field("Hos") == nullptr);
}

}  // namespace layergate::admin
