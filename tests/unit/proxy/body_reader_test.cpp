#include "proxy/body_reader.h"

#include <sys/socket.h>

#include <array>
#include <memory>
#include <string>

#include <doctest/doctest.h>

namespace layergate::proxy {
namespace {

using Status = BodyReader::Status;

struct FreeBase {
  void operator()(event_base* base) const { event_base_free(base); }
};

// A reader at one end of a socket pair; the test holds the client's end.
class Wire {
 public:
  Wire(const Framing& framing, std::size_t most, std::string_view received = "") {
    base_.reset(event_base_new());
    std::array<int, 2> ends{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()) == 0);
    client_ = Fd(ends[0]);
    socket_ = std::make_unique<Socket>(base_.get(), Fd(ends[1]), nullptr);
    received_.append(received);
    reader_ = std::make_unique<BodyReader>(*socket_, received_, framing, most);
  }

  void say(std::string_view text) const {
    REQUIRE(::send(client_.get(), text.data(), text.size(), 0) ==
            static_cast<ssize_t>(text.size()));
  }
  void hang_up() { client_ = Fd(); }
  Status step() { return reader_->step(); }
  [[nodiscard]] const std::string& body() const { return reader_->body(); }
  std::string take() { return reader_->take(); }
  // What was read and is the next request's.
  [[nodiscard]] std::string left() const { return std::string(received_.view()); }

 private:
  std::unique_ptr<event_base, FreeBase> base_;
  Fd client_;
  std::unique_ptr<Socket> socket_;
  Buffer received_;
  std::unique_ptr<BodyReader> reader_;
};

Framing length(std::uint64_t bytes) { return Framing::of_length(bytes); }

}  // namespace

TEST_CASE("body reader: no body is complete at once, and nothing is taken") {
  Wire wire(Framing{}, 10, "GET / HTTP/1.1");
  CHECK(wire.step() == Status::complete);
  CHECK(wire.body().empty());
  CHECK(wire.left() == "GET / HTTP/1.1");
}

TEST_CASE("body reader: a body of known length, in whatever pieces it comes") {
  SUBCASE("already here") {
    Wire wire(length(5), 10, "hello");
    CHECK(wire.step() == Status::complete);
    CHECK(wire.take() == "hello");
    CHECK(wire.left().empty());
  }
  SUBCASE("partly here") {
    Wire wire(length(5), 10, "he");
    CHECK(wire.step() == Status::partial);
    CHECK(wire.body() == "he");
    wire.say("l");
    CHECK(wire.step() == Status::partial);
    CHECK(wire.step() == Status::partial);
    wire.say("lo");
    CHECK(wire.step() == Status::complete);
    CHECK(wire.body() == "hello");
  }
  SUBCASE("with the next request behind it") {
    Wire wire(length(5), 10, "he");
    wire.say("lloGET /");
    CHECK(wire.step() == Status::complete);
    CHECK(wire.body() == "hello");
    CHECK(wire.left() == "GET /");
  }
  SUBCASE("of any bytes") {
    const std::string bytes("\0\xff\r\n\0", 5);
    Wire wire(length(5), 10);
    wire.say(bytes);
    CHECK(wire.step() == Status::complete);
    CHECK(wire.body() == bytes);
  }
}

TEST_CASE("body reader: a chunked body, in whatever pieces it comes") {
  const std::string text = "3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\nTrailer: x\r\n\r\n";
  SUBCASE("at once, with the next request behind it") {
    Wire wire(Framing::chunked(), 10, text + "GET /");
    CHECK(wire.step() == Status::complete);
    CHECK(wire.body() == "hello");
    CHECK(wire.left() == "GET /");
  }
  SUBCASE("byte by byte") {
    Wire wire(Framing::chunked(), 10);
    for (std::size_t i = 0; i + 1 < text.size(); ++i) {
      wire.say(text.substr(i, 1));
      REQUIRE(wire.step() == Status::partial);
    }
    wire.say(text.substr(text.size() - 1) + "GET /");
    CHECK(wire.step() == Status::complete);
    CHECK(wire.body() == "hello");
    CHECK(wire.left() == "GET /");
  }
  SUBCASE("empty") {
    Wire wire(Framing::chunked(), 10, "0\r\n\r\n");
    CHECK(wire.step() == Status::complete);
    CHECK(wire.body().empty());
  }
}

TEST_CASE("body reader: as many bytes as are allowed, and not one more") {
  SUBCASE("by length") {
    Wire wire(length(5), 5, "hello");
    CHECK(wire.step() == Status::complete);
    Wire longer(length(6), 5);
    // Before a byte of it has come.
    CHECK(longer.step() == Status::too_large);
    Wire longest(length(UINT64_MAX), 5, "x");
    CHECK(longest.step() == Status::too_large);
    CHECK(longest.body().empty());
  }
  SUBCASE("in chunks") {
    Wire wire(Framing::chunked(), 5, "3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n");
    CHECK(wire.step() == Status::complete);
    Wire longer(Framing::chunked(), 5, "3\r\nhel\r\n3\r\nlo!\r\n0\r\n\r\n");
    CHECK(longer.step() == Status::too_large);
    Wire later(Framing::chunked(), 5, "3\r\nhel\r\n");
    CHECK(later.step() == Status::partial);
    later.say("ffffff\r\nabc");
    CHECK(later.step() == Status::too_large);
    CHECK(later.body() == "hel");
  }
}

TEST_CASE("body reader: a client that goes before the end") {
  Wire by_length(length(5), 10, "he");
  by_length.hang_up();
  CHECK(by_length.step() == Status::closed);
  Wire by_chunks(Framing::chunked(), 10, "5\r\nhe");
  by_chunks.hang_up();
  CHECK(by_chunks.step() == Status::closed);
  // What came before it went counts.
  Wire whole(length(5), 10);
  whole.say("hello");
  whole.hang_up();
  CHECK(whole.step() == Status::complete);
}

TEST_CASE("body reader: broken chunks are malformed") {
  for (const auto* text : {"x\r\n", "5\nhello\r\n", "5\r\nhelloX", "-1\r\n", "5 \r\n"}) {
    CAPTURE(text);
    Wire wire(Framing::chunked(), 10, text);
    CHECK(wire.step() == Status::malformed);
  }
}

TEST_CASE("body reader: a large body comes whole") {
  const std::string body(4U << 20U, 'x');
  Wire wire(length(body.size()), body.size());
  std::size_t sent = 0;
  auto status = Status::partial;
  while (status == Status::partial) {
    const auto piece = std::string_view(body).substr(sent, 50'000);
    if (!piece.empty()) {
      wire.say(piece);
      sent += piece.size();
    }
    status = wire.step();
  }
  CHECK(status == Status::complete);
  CHECK(sent == body.size());
  CHECK(wire.body() == body);
}

TEST_CASE("body budget: one account holds a quarter at most, and all together the whole") {
  constexpr auto kQuarter = BodyBudget::kMostOfAccount;
  BodyBudget budget;
  CHECK(budget.take("a", kQuarter - 1));
  CHECK(budget.take("a", 1));
  CHECK_FALSE(budget.take("a", 1));
  for (const auto* account : {"b", "c", "d"}) CHECK(budget.take(account, kQuarter));
  CHECK_FALSE(budget.take("e", 1));
  // What is given back can be taken again, by anybody.
  budget.give_back("a", 10);
  CHECK_FALSE(budget.take("e", 11));
  CHECK(budget.take("e", 6));
  CHECK(budget.take("a", 4));
  CHECK_FALSE(budget.take("a", 1));
  budget.give_back("e", 6);
  budget.give_back("a", kQuarter - 6);
  CHECK(budget.take("a", kQuarter));
  CHECK_FALSE(budget.take("e", 1));
}

TEST_CASE("body budget: what was refused is not held") {
  BodyBudget budget;
  CHECK_FALSE(budget.take("a", BodyBudget::kMostOfAccount + 1));
  CHECK(budget.take("a", BodyBudget::kMostOfAccount));
}

}  // namespace layergate::proxy
