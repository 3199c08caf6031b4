#include "proxy/upload_receiver.h"

#include <sys/socket.h>

#include <array>
#include <memory>
#include <string>

#include <doctest/doctest.h>

namespace layergate::proxy {
namespace {

using storage::Piece;
using storage::Pieces;
using Status = UploadReceiver::Status;

struct FreeBase {
  void operator()(event_base* base) const { event_base_free(base); }
};

// A receiver at one end of a socket pair; the test holds the client's end.
class Wire {
 public:
  explicit Wire(const Framing& framing, std::string_view received = "", std::size_t most = 100) {
    base_.reset(event_base_new());
    std::array<int, 2> ends{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()) == 0);
    client_ = Fd(ends[0]);
    const int large = 8 << 20;
    ::setsockopt(client_.get(), SOL_SOCKET, SO_SNDBUFFORCE, &large, sizeof large);
    socket_ = std::make_unique<Socket>(base_.get(), Fd(ends[1]), nullptr);
    received_.append(received);
    memory_ = std::make_shared<Pieces>(most);
    receiver_ = std::make_unique<UploadReceiver>(*socket_, received_, framing, memory_,
                                                 [this] { ++told_; });
  }

  void say(std::string_view text) const {
    REQUIRE(::send(client_.get(), text.data(), text.size(), 0) ==
            static_cast<ssize_t>(text.size()));
  }
  void hang_up() { client_ = Fd(); }
  UploadReceiver* operator->() { return receiver_.get(); }
  [[nodiscard]] std::shared_ptr<Pieces> memory() const { return memory_; }
  [[nodiscard]] int told() const { return told_; }
  // What has come since the last time.
  std::string taken() {
    std::string all;
    for (const auto& piece : receiver_->take()) all += piece.view();
    return all;
  }
  // What was read and is the next request's.
  [[nodiscard]] std::string left() const { return std::string(received_.view()); }

 private:
  std::unique_ptr<event_base, FreeBase> base_;
  Fd client_;
  std::unique_ptr<Socket> socket_;
  Buffer received_;
  std::shared_ptr<Pieces> memory_;
  int told_ = 0;
  std::unique_ptr<UploadReceiver> receiver_;
};

}  // namespace

TEST_CASE("upload receiver: no body has ended at once, and nothing is taken") {
  Wire wire(Framing{}, "GET / HTTP/1.1");
  CHECK(wire->step() == Status::ended);
  CHECK_FALSE(wire->has_some());
  CHECK(wire.left() == "GET / HTTP/1.1");
}

TEST_CASE("upload receiver: a body of known length, the next request behind it") {
  Wire wire(Framing::of_length(11), "hello ");
  CHECK(wire->step() == Status::moving);
  CHECK(wire->wants_read());
  CHECK(wire.taken() == "hello ");
  wire.say("world");
  wire.say("GET / HTTP/1.1");
  CHECK(wire->step() == Status::ended);
  CHECK(wire->ended());
  CHECK(wire->moved() == 11);
  CHECK(wire.taken() == "world");
  CHECK(wire.left().empty());  // it is still in the socket
}

TEST_CASE("upload receiver: a chunked body, the next request behind it") {
  Wire wire(Framing::chunked(), "5\r\nhel");
  CHECK(wire->step() == Status::moving);
  CHECK(wire.taken() == "hel");
  wire.say("lo\r\n6\r\n world\r\n0\r\n\r\nGET / HTTP/1.1");
  CHECK(wire->step() == Status::ended);
  CHECK(wire->moved() == 11);
  CHECK(wire.taken() == "lo world");
  CHECK(wire.left() == "GET / HTTP/1.1");

  Wire at_once(Framing::chunked(), "5\r\nhello\r\n0\r\n\r\nPUT");
  CHECK(at_once->step() == Status::ended);
  CHECK(at_once.taken() == "hello");
  CHECK(at_once.left() == "PUT");
}

TEST_CASE("upload receiver: broken coding, and a client that leaves") {
  Wire broken(Framing::chunked());
  broken.say("5\r\nhelloXX");
  CHECK(broken->step() == Status::malformed);

  Wire gone(Framing::of_length(10));
  gone.say("hello");
  gone.hang_up();
  CHECK(gone->step() == Status::closed);
  CHECK(gone.taken() == "hello");
}

TEST_CASE("upload receiver: it takes no more than it may before that is written") {
  Wire wire(Framing::of_length(4 * Piece::kSize));
  const std::string text(Piece::kSize, 'x');
  wire.say(text);
  CHECK(wire->step() == Status::moving);
  CHECK(wire->wants_read());
  for (int i = 1; i < 4; ++i) wire.say(text);
  CHECK(wire->step() == Status::moving);
  CHECK_FALSE(wire->wants_read());
  CHECK(wire.taken() == text + text);
  CHECK(wire->step() == Status::ended);
  CHECK(wire.taken() == text + text);
}

TEST_CASE("upload receiver: without memory it waits, and holds none while it waits for bytes") {
  Wire wire(Framing::of_length(10), "", 1);
  CHECK(wire->step() == Status::moving);
  CHECK(wire->wants_read());
  auto taken = wire.memory()->take({});
  REQUIRE(taken);
  wire.say("hello");
  CHECK(wire->step() == Status::moving);
  CHECK_FALSE(wire->wants_read());
  CHECK_FALSE(wire->has_some());
  taken.reset();
  CHECK(wire.told() == 1);
  CHECK(wire->step() == Status::moving);
  CHECK(wire.taken() == "hello");
}

}  // namespace layergate::proxy
