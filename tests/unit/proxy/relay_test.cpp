#include "proxy/relay.h"

#include <sys/socket.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

namespace layergate::proxy {
namespace {

using Status = Relay::Status;

struct FreeBase {
  void operator()(event_base* base) const { event_base_free(base); }
};

// A relay between two socket pairs; the test holds the far ends.
class Wire {
 public:
  explicit Wire(const Relay::Options& options, std::string received = "", std::string head = "") {
    std::signal(SIGPIPE, SIG_IGN);  // as the server does
    base_.reset(event_base_new());
    source_ = connect(client_);
    sink_ = connect(upstream_);
    received_.append(received);
    pending_.append(head);
    relay_ =
        std::make_unique<Relay>(*source_, received_, *sink_, pending_, pipes_, scratch_, options);
  }

  // Writes from the source's far end; `text` has to fit into the socket.
  void say(std::string_view text) const {
    REQUIRE(::send(client_.get(), text.data(), text.size(), 0) ==
            static_cast<ssize_t>(text.size()));
  }
  // As much as the socket takes now.
  [[nodiscard]] std::size_t offer(std::string_view text) const {
    const auto sent = ::send(client_.get(), text.data(), text.size(), 0);
    return sent > 0 ? static_cast<std::size_t>(sent) : 0;
  }
  void hang_up() { client_ = Fd(); }
  void break_sink() { upstream_ = Fd(); }

  Status step() { return relay_->step(); }

  // What has reached the sink's far end and was not read yet.
  std::string heard() const {
    std::string text;
    std::array<char, 65536> chunk{};
    while (true) {
      const auto bytes = ::recv(upstream_.get(), chunk.data(), chunk.size(), 0);
      if (bytes <= 0) return text;
      text.append(chunk.data(), static_cast<std::size_t>(bytes));
    }
  }

  // Sends `text` in pieces of `size` bytes, with a step and a look at the other end after each.
  Status run(std::string_view text, std::size_t size, std::string& out) {
    auto status = step();
    out += heard();
    while (!text.empty() && status == Status::moving) {
      const auto piece = text.substr(0, size);
      text.remove_prefix(offer(piece));
      status = step();
      out += heard();
    }
    for (int turn = 0; status == Status::moving && turn < 100; ++turn) {
      status = step();
      out += heard();
    }
    return status;
  }

  [[nodiscard]] const Relay& relay() const { return *relay_; }
  [[nodiscard]] std::string_view left() const { return received_.view(); }
  // Whether another relay would get the pipe.
  [[nodiscard]] bool has_pipe_to_give() {
    auto pipe = pipes_.take();
    const bool is_there = pipe != nullptr;
    pipes_.give_back(std::move(pipe));
    return is_there;
  }

 private:
  std::unique_ptr<Socket> connect(Fd& far) {
    std::array<int, 2> ends{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) == 0);
    far = Fd(ends[1]);
    return std::make_unique<Socket>(base_.get(), Fd(ends[0]), nullptr);
  }

  std::unique_ptr<event_base, FreeBase> base_;
  Fd client_;
  Fd upstream_;
  std::unique_ptr<Socket> source_;
  std::unique_ptr<Socket> sink_;
  Buffer received_;
  Buffer pending_;
  PipeBudget pipe_budget_{1};
  PipePool pipes_{pipe_budget_};
  std::vector<char> scratch_ = std::vector<char>(16 * 1024);
  std::unique_ptr<Relay> relay_;
};

Relay::Options of_length(std::uint64_t bytes) { return {Framing::of_length(bytes), false}; }
Relay::Options chunked(bool chunked_out) { return {Framing::chunked(), chunked_out}; }

std::string pattern(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * 31 + i / 251);
  return text;
}

std::string as_chunks(const std::string& body, std::size_t size) {
  std::string text;
  std::array<char, 24> line{};
  for (std::size_t at = 0; at < body.size(); at += size) {
    const auto part = body.substr(at, size);
    std::snprintf(line.data(), line.size(), "%zX;x=y\r\n", part.size());
    text += line.data() + part + "\r\n";
  }
  return text + "0\r\nTrailer: x\r\n\r\n";
}

// The body of a coded text that has to be whole.
std::string decoded(std::string text) {
  ChunkDecoder decoder;
  const auto step = decoder.decode(text);
  CHECK(step.result == ChunkDecoder::Result::complete);
  CHECK(step.consumed == text.size());
  return text.substr(0, step.produced);
}

}  // namespace

TEST_CASE("relay: no body is done when the head is out") {
  Wire wire({}, "NEXT", "HEAD\r\n\r\n");
  CHECK(wire.step() == Status::done);
  CHECK(wire.heard() == "HEAD\r\n\r\n");
  CHECK(wire.left() == "NEXT");
  CHECK(wire.relay().source_ended());
  CHECK(wire.relay().moved() == 0);
}

TEST_CASE("relay: a body of known length, wherever it is split") {
  const std::string body = "hello, world";
  for (std::size_t received = 0; received <= body.size(); ++received) {
    for (std::size_t size = 1; size <= body.size(); ++size) {
      CAPTURE(received);
      CAPTURE(size);
      Wire wire(of_length(body.size()), body.substr(0, received), "HEAD:");
      std::string out;
      CHECK(wire.run(body.substr(received), size, out) == Status::done);
      CHECK(out == "HEAD:" + body);
      CHECK(wire.relay().moved() == body.size());
    }
  }
}

TEST_CASE("relay: what follows the body stays where it is") {
  Wire wire(of_length(5), "helloGET / HTTP/1.1", "");
  CHECK(wire.step() == Status::done);
  CHECK(wire.heard() == "hello");
  CHECK(wire.left() == "GET / HTTP/1.1");

  Wire later(of_length(5));
  later.say("helloGET / HTTP/1.1");
  CHECK(later.step() == Status::done);
  CHECK(later.heard() == "hello");
}

TEST_CASE("relay: a large body passes through the pipe unchanged") {
  const auto body = pattern(3'000'000);
  for (const std::size_t size : {1000U, 65'536U, 300'000U}) {
    CAPTURE(size);
    Wire wire(of_length(body.size()), body.substr(0, 100), "HEAD:");
    std::string out;
    CHECK(wire.run(std::string_view(body).substr(100), size, out) == Status::done);
    CHECK(out.size() == body.size() + 5);
    CHECK((out == "HEAD:" + body));
  }
}

TEST_CASE("relay: a sink that takes nothing is waited for, and nothing is lost") {
  for (const bool coded : {false, true}) {
    CAPTURE(coded);
    const auto body = pattern(2'000'000);
    const auto text = coded ? as_chunks(body, 70'000) : body;
    Wire wire(coded ? chunked(true) : of_length(body.size()));
    std::string_view rest(text);
    auto status = Status::moving;
    std::string out;
    int stalls = 0;
    while (status == Status::moving) {
      const auto before = rest.size();
      if (!rest.empty()) rest.remove_prefix(wire.offer(rest.substr(0, 64 * 1024)));
      status = wire.step();
      if (status != Status::moving) break;
      CHECK((wire.relay().wants_read() || wire.relay().wants_write()));
      // The far end reads only once nothing moves any more.
      if (before != rest.size() || !wire.relay().wants_write()) continue;
      CHECK_FALSE(wire.relay().wants_read());
      ++stalls;
      out += wire.heard();
    }
    out += wire.heard();
    CHECK(status == Status::done);
    CHECK(stalls > 0);
    CHECK(((coded ? decoded(out) : out) == body));
  }
}

TEST_CASE("relay: what a slow sink does not take stays with the source") {
  const auto body = pattern(2'000'000);
  std::string_view rest(body);
  Wire wire(of_length(body.size()));
  std::string out;
  const auto fill = [&] {
    auto status = Status::moving;
    for (int turn = 0; turn < 100 && status == Status::moving; ++turn) {
      rest.remove_prefix(rest.empty() ? 0 : wire.offer(rest));
      status = wire.step();
      if (wire.relay().wants_write()) break;
    }
    return status;
  };

  SUBCASE("from the beginning") {
    CHECK(fill() == Status::moving);
    CHECK(wire.relay().wants_write());
    out += wire.heard();
    CHECK(wire.relay().moved() == out.size());  // neither in memory nor in a pipe
  }
  SUBCASE("and from when a fast one became slow") {
    while (out.size() < 1'000'000) {
      CHECK(fill() == Status::moving);
      out += wire.heard();
    }
    CHECK(fill() == Status::moving);
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    out += wire.heard();
    CHECK(fill() == Status::moving);  // first what the pipe held
    out += wire.heard();
    CHECK(wire.relay().moved() == out.size());
  }
  auto status = fill();
  while (status == Status::moving) {
    out += wire.heard();
    status = fill();
  }
  CHECK(status == Status::done);
  out += wire.heard();
  CHECK((out == body));
}

TEST_CASE("relay: a pipe is given back while the source has nothing") {
  const auto body = pattern(1'000'000);
  Wire wire(of_length(body.size()));
  wire.say(std::string_view(body).substr(0, 1000));
  CHECK(wire.step() == Status::moving);
  CHECK(wire.relay().wants_read());
  CHECK(wire.has_pipe_to_give());
}

TEST_CASE("relay: a chunked body, coded again or plain, wherever it is split") {
  const std::string body = "hello, world";
  const auto text = as_chunks(body, 5);
  for (const bool coded : {false, true}) {
    for (std::size_t received = 0; received <= text.size(); received += 3) {
      for (std::size_t size = 1; size <= text.size(); size += 2) {
        CAPTURE(coded);
        CAPTURE(received);
        CAPTURE(size);
        Wire wire(chunked(coded), text.substr(0, received));
        std::string out;
        CHECK(wire.run(text.substr(received), size, out) == Status::done);
        CHECK((coded ? decoded(out) : out) == body);
        CHECK(wire.relay().moved() == body.size());
      }
    }
  }
}

TEST_CASE("relay: extensions and trailers do not pass") {
  Wire wire(chunked(true), "3;a=b\r\nabc\r\n0;c\r\nX: y\r\n\r\n");
  CHECK(wire.step() == Status::done);
  CHECK(wire.heard() == "3\r\nabc\r\n0\r\n\r\n");
  Wire empty(chunked(true), "0\r\n\r\n");
  CHECK(empty.step() == Status::done);
  CHECK(empty.heard() == "0\r\n\r\n");
}

TEST_CASE("relay: what follows a chunked body is the next request's") {
  const std::string text = "3\r\nabc\r\n0\r\n\r\n";
  Wire buffered(chunked(true), text + "GET /");
  CHECK(buffered.step() == Status::done);
  CHECK(buffered.left() == "GET /");
  Wire arriving(chunked(true));
  arriving.say(text + "GET /");
  CHECK(arriving.step() == Status::done);
  CHECK(arriving.heard() == text);
  CHECK(arriving.left() == "GET /");
}

TEST_CASE("relay: a broken coding ends it, without an end for the other side") {
  const std::string_view kBad[] = {"x", "3\r\nabcd", "3\nabc", "3\r\nabc\r\n0\r\n\n"};
  for (const auto text : kBad) {
    for (const bool arrives : {false, true}) {
      CAPTURE(text);
      CAPTURE(arrives);
      Wire wire(chunked(true), arrives ? "" : std::string(text));
      if (arrives) wire.say(text);
      CHECK(wire.step() == Status::malformed);
      CHECK_FALSE(wire.relay().source_ended());
      CHECK(wire.heard().find("0\r\n\r\n") == std::string::npos);
    }
  }
}

TEST_CASE("relay: a source that ends before its body does") {
  Wire length(of_length(10));
  length.say("hello");
  length.hang_up();
  CHECK(length.step() == Status::source_closed);
  CHECK(length.heard() == "hello");
  CHECK_FALSE(length.relay().source_ended());

  Wire large(of_length(1'000'000));
  large.say("hello");
  large.hang_up();
  CHECK(large.step() == Status::source_closed);
  CHECK(large.heard() == "hello");

  Wire coded(chunked(true));
  coded.say("5\r\nhello\r\n");
  coded.hang_up();
  CHECK(coded.step() == Status::source_closed);
  CHECK(coded.heard() == "5\r\nhello\r\n");
}

TEST_CASE("relay: a source that ends with its body is done") {
  Wire wire(of_length(5));
  wire.say("hello");
  wire.hang_up();
  CHECK(wire.step() == Status::done);
}

TEST_CASE("relay: a sink that goes away is told apart from the source") {
  for (const auto length : {5U, 1'000'000U}) {
    CAPTURE(length);
    Wire wire(of_length(length));
    wire.say("hello");
    wire.break_sink();
    CHECK(wire.step() == Status::sink_failed);
  }
  Wire coded(chunked(true));
  coded.say("5\r\nhello\r\n");
  coded.break_sink();
  CHECK(coded.step() == Status::sink_failed);
}

TEST_CASE("relay: nothing to read is waited for") {
  Wire wire(of_length(5), "", "HEAD");
  CHECK(wire.step() == Status::moving);
  CHECK(wire.relay().wants_read());
  CHECK_FALSE(wire.relay().wants_write());
  CHECK(wire.heard() == "HEAD");  // the head does not wait for the body
}

}  // namespace layergate::proxy
