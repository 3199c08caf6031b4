#include "proxy/file_relay.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <memory>
#include <string>

#include <doctest/doctest.h>

#include "storage/page_cache.h"
#include "tests/unit/temp_dir.h"

namespace layergate::proxy {
namespace {

using Status = FileRelay::Status;

struct FreeBase {
  void operator()(event_base* base) const { event_base_free(base); }
};

// A file and a socket pair; the test holds the far end.
class Wire {
 public:
  explicit Wire(std::size_t size) {
    std::signal(SIGPIPE, SIG_IGN);  // as the server does
    for (std::size_t i = 0; text_.size() < size; ++i) text_ += std::to_string(i) + " ";
    text_.resize(size);
    write_text(path(), text_);
    file_.fd = Fd(::open(path().c_str(), O_RDONLY));
    file_.identity = *storage::identity_of(file_.fd.get());
    storage::bring_in(file_.fd.get(), 0, size);
    std::array<int, 2> pair{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair.data()) == 0);
    base_.reset(event_base_new());
    sink_ = std::make_unique<Socket>(base_.get(), Fd(pair[0]), nullptr);
    far_ = Fd(pair[1]);
    pending_.append("head|");
  }

  FileRelay& open(std::uint64_t offset, std::uint64_t length) {
    relay_ = std::make_unique<FileRelay>(file_, offset, length, *sink_, pending_, scratch_);
    return *relay_;
  }
  // Until it waits for nothing that this can give.
  Status run(std::string& out) {
    for (int turn = 0; turn < 10'000; ++turn) {
      const auto status = relay_->step();
      out += heard();
      if (status == Status::cold) {
        // Where the filesystem cannot tell, as the pool does it.
        relay_->warmed(static_cast<std::uint64_t>(
            storage::bring_in(file_.fd.get(), relay_->offset(), 1U << 20U)));
      } else if (status != Status::moving) {
        return status;
      }
    }
    return Status::moving;
  }
  std::string heard() const {
    std::string text;
    std::array<char, 65536> chunk{};
    while (true) {
      const auto bytes = ::recv(far_.get(), chunk.data(), chunk.size(), 0);
      if (bytes <= 0) return text;
      text.append(chunk.data(), static_cast<std::size_t>(bytes));
    }
  }
  void hang_up() { far_ = Fd(); }
  [[nodiscard]] std::filesystem::path path() const { return dir_ / "file"; }
  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] const Buffer& pending() const { return pending_; }

 private:
  TempDir dir_;
  std::string text_;
  storage::BlobFile file_;
  std::unique_ptr<event_base, FreeBase> base_;
  std::unique_ptr<Socket> sink_;
  Fd far_;
  Buffer pending_;
  std::array<char, 4096> scratch_{};
  std::unique_ptr<FileRelay> relay_;
};

}  // namespace

TEST_CASE("file relay: the head and all of the file, in order") {
  Wire wire(9'000'000);
  auto& relay = wire.open(0, 9'000'000);
  std::string out;
  CHECK(wire.run(out) == Status::done);
  CHECK(out == "head|" + wire.text());
  CHECK(relay.delivered() == 9'000'000);
  CHECK(relay.left() == 0);
}

TEST_CASE("file relay: a part, and none") {
  Wire wire(1'000'000);
  std::string out;
  SUBCASE("in the middle") {
    wire.open(300'001, 400'000);
    CHECK(wire.run(out) == Status::done);
    CHECK(out == "head|" + wire.text().substr(300'001, 400'000));
  }
  SUBCASE("the last byte") {
    wire.open(999'999, 1);
    CHECK(wire.run(out) == Status::done);
    CHECK(out == "head|" + wire.text().substr(999'999));
  }
  SUBCASE("only the head") {
    wire.open(0, 0);
    CHECK(wire.run(out) == Status::done);
    CHECK(out == "head|");
  }
}

TEST_CASE("file relay: a file that is not as it was is not sent on") {
  Wire wire(9'000'000);
  auto& relay = wire.open(0, 9'000'000);
  std::string out;
  SUBCASE("shorter before the first byte: nothing was said") {
    REQUIRE(::truncate(wire.path().c_str(), 100) == 0);
    CHECK(wire.run(out) == Status::changed);
    CHECK(out.empty());
    CHECK_FALSE(relay.has_begun());
  }
  SUBCASE("shorter in the middle") {
    while (out.empty()) {
      if (relay.step() == Status::cold) relay.warmed(1000);
      out += wire.heard();
    }
    REQUIRE(::truncate(wire.path().c_str(), 8'000'000) == 0);
    CHECK(wire.run(out) == Status::changed);
    CHECK(relay.has_begun());
    CHECK(out.size() < 9'000'000);
  }
  SUBCASE("as long as before, but written to") {
    while (out.empty()) {
      if (relay.step() == Status::cold) relay.warmed(1000);
      out += wire.heard();
    }
    const timespec other[2] = {{0, UTIME_OMIT}, {1, 0}};
    REQUIRE(::utimensat(AT_FDCWD, wire.path().c_str(), other, 0) == 0);
    CHECK(wire.run(out) == Status::changed);
  }
  SUBCASE("a second name for it is no change") {
    std::filesystem::create_hard_link(wire.path(), wire.path().string() + "2");
    CHECK(wire.run(out) == Status::done);
  }
}

TEST_CASE("file relay: a client that has gone") {
  Wire wire(1'000'000);
  wire.open(0, 1'000'000);
  wire.hang_up();
  std::string out;
  CHECK(wire.run(out) == Status::sink_failed);
}

}  // namespace layergate::proxy
