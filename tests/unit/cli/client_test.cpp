#include "cli/client.h"

#include <doctest/doctest.h>

#include "api/problem.h"

namespace layergate::cli {
namespace {

// Answers as a list of the numbers from 0 up to `count`.
class Numbers : public Client {
 public:
  explicit Numbers(std::size_t count) : count_(count) {}

  api::Reply call(api::Call call) override {
    ++calls;
    std::size_t from = 0;
    std::size_t limit = 0;
    for (const auto& [name, value] : call.query) {
      if (name == "cursor") from = std::stoul(value);
      if (name == "limit") limit = std::min<std::size_t>(std::stoul(value), most);
    }
    if (from >= fails_at) return api::problem(500, "io", "gone");
    api::Reply reply;
    reply.body["items"] = api::Json::array();
    for (; from < count_ && limit > 0; ++from, --limit) reply.body["items"].push_back(from);
    reply.body["next"] = from < count_ ? api::Json(std::to_string(from)) : api::Json(nullptr);
    if (stuck) reply.body["next"] = "0";
    return reply;
  }

  std::size_t calls = 0;
  std::size_t most = 1000;  // on a page, whatever was asked for
  std::size_t fails_at = SIZE_MAX;
  bool stuck = false;

 private:
  std::size_t count_;
};

}  // namespace

TEST_CASE("client: all pages of a list are fetched") {
  for (const std::size_t count : {0, 1, 999, 1000, 1001, 2500}) {
    Numbers client(count);
    const auto reply = fetch_all(client, get({"numbers"}));
    CHECK(reply.body.at("items").size() == count);
    CHECK(reply.body.at("next").is_null());
    if (count > 0) CHECK(reply.body.at("items").back() == count - 1);
  }
}

TEST_CASE("client: but no more than is good") {
  Numbers client(5000);
  const auto reply = fetch_all(client, get({"numbers"}), 1500);
  CHECK(reply.body.at("items").size() == 1500);
  CHECK(reply.body.at("next") == "1500");
  CHECK(client.calls == 2);
}

TEST_CASE("client: a list that never ends is left") {
  Numbers client(5000);
  client.stuck = true;
  CHECK(fetch_all(client, get({"numbers"})).body.at("items").size() == 2000);
  CHECK(client.calls == 2);
}

TEST_CASE("client: a page that fails is the answer") {
  Numbers client(5000);
  client.fails_at = 2000;
  CHECK(fetch_all(client, get({"numbers"})).status == 500);
}

}  // namespace layergate::cli
