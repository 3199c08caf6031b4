// Two sessions on the ends of a socket pair: the server's by a TlsContext, the client's as a client
// has it.
#include "proxy/tls_session.h"

#include <sys/socket.h>

#include <array>
#include <csignal>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "base/fd.h"
#include "proxy/tls_context.h"
#include "tests/unit/proxy/tls_pair.h"

namespace layergate::proxy {
namespace {

std::string pattern(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * 31 + i / 251);
  return text;
}

struct Client {
  OpensslPointer<SSL_CTX> context{SSL_CTX_new(TLS_client_method())};
  const char* name = nullptr;
  std::string alpn;
  SSL_SESSION* resumes = nullptr;

  [[nodiscard]] OpensslPointer<SSL> connect() const {
    OpensslPointer<SSL> ssl(SSL_new(context.get()));
    SSL_set_connect_state(ssl.get());
    if (name != nullptr)
      SSL_ctrl(ssl.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
               const_cast<char*>(name));
    if (!alpn.empty()) {
      SSL_set_alpn_protos(ssl.get(), reinterpret_cast<const unsigned char*>(alpn.data()),
                          static_cast<unsigned int>(alpn.size()));
    }
    if (resumes != nullptr) SSL_set_session(ssl.get(), resumes);
    return ssl;
  }
};

class Wire {
 public:
  explicit Wire(const std::shared_ptr<const TlsContext>& context, const Client& made = {}) {
    std::array<int, 2> ends{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) == 0);
    near_ = Fd(ends[0]);
    far_ = Fd(ends[1]);
    server =
        std::make_unique<TlsSession>(context->accept(), context, near_.get(), blocks_, &counters);
    auto ssl = made.connect();
    client_ssl = ssl.get();
    client = std::make_unique<TlsSession>(std::move(ssl), nullptr, far_.get(), blocks_, nullptr);
  }

  // Both handshakes to their ends; whether both are open.
  bool shake() {
    for (int turn = 0; turn < 20; ++turn) {
      client->handshake();
      server->handshake();
    }
    return !client->is_handshaking() && !client->has_failed() && !server->is_handshaking() &&
           !server->has_failed();
  }
  void hang_up() { far_ = Fd(); }
  // Raw bytes to the server.
  void say(std::string_view text) const {
    REQUIRE(::send(far_.get(), text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()));
  }
  [[nodiscard]] std::string heard() const {
    std::array<char, 4096> text{};
    const auto bytes = ::recv(far_.get(), text.data(), text.size(), 0);
    return {text.data(), bytes > 0 ? static_cast<std::size_t>(bytes) : 0};
  }

  HandshakeCounters counters;
  SSL* client_ssl = nullptr;

 private:
  Fd near_;
  Fd far_;
  TlsBlockPool blocks_;

 public:
  std::unique_ptr<TlsSession> server;
  std::unique_ptr<TlsSession> client;
};

std::shared_ptr<const TlsContext> context_of(const std::vector<config::TlsPair>& pairs,
                                             TlsTickets& tickets) {
  auto loaded = TlsContext::load(pairs, tickets, wall_now());
  REQUIRE(loaded.errors.empty());
  return loaded.context;
}

std::string receive(TlsSession& session, std::size_t size = 128U << 10U) {
  std::string text(size, '\0');
  const auto result = session.receive(text.data(), text.size());
  text.resize(result.io == Io::ok ? result.bytes : 0);
  return text;
}

struct House {
  TempDir dir;
  TlsTickets tickets;
  std::shared_ptr<const TlsContext> context =
      context_of({write_pair(dir, "a", make_pair("DNS:a.test"))}, tickets);
};

}  // namespace

TEST_CASE("tls session: a handshake, and bytes both ways") {
  const House house;
  Wire wire(house.context);
  CHECK(wire.server->put("too early") == 0);
  REQUIRE(wire.shake());
  CHECK(wire.counters.full == 1);
  CHECK(wire.client->put("question") == 8);
  CHECK(wire.client->flush() == Io::ok);
  CHECK(receive(*wire.server) == "question");
  CHECK(wire.server->receive(std::array<char, 8>{}.data(), 8).io == Io::again);
  CHECK(wire.server->put("answer") == 6);
  CHECK(wire.server->unsent() > 6);
  CHECK(wire.server->flush() == Io::ok);
  CHECK(wire.server->unsent() == 0);
  CHECK(receive(*wire.client) == "answer");
}

TEST_CASE("tls session: what is buffered is known, and read in any pieces") {
  const House house;
  Wire wire(house.context);
  REQUIRE(wire.shake());
  const auto text = pattern(40'000);  // three records
  REQUIRE(wire.client->put(text) == text.size());
  REQUIRE(wire.client->flush() == Io::ok);
  CHECK_FALSE(wire.server->buffered());  // the kernel knows of it
  std::string got = receive(*wire.server, 1);
  CHECK(wire.server->buffered());
  while (wire.server->buffered()) got += receive(*wire.server, 7'000);
  CHECK((got == text));
}

TEST_CASE("tls session: a relay's turn fits, and a socket that is full loses nothing") {
  const House house;
  Wire wire(house.context);
  REQUIRE(wire.shake());
  const auto text = pattern(3'000'000);
  std::string_view rest(text);
  std::string got;
  bool was_full = false;
  while (got.size() < text.size()) {
    if (wire.server->unsent() == 0 && !rest.empty()) {
      const auto piece = rest.substr(0, 128U << 10U);
      const auto taken = wire.server->put(piece);
      CHECK(taken == piece.size());
      rest.remove_prefix(taken);
    }
    const bool is_full = wire.server->flush() == Io::again;
    was_full = was_full || is_full;
    if (is_full || rest.empty()) got += receive(*wire.client);
  }
  CHECK(was_full);
  CHECK((got == text));
}

TEST_CASE("tls block: one that fits holds a copy, and comes not back to the pool") {
  TlsBlockPool pool;
  auto small = std::make_unique<TlsBlock>("text", 2);
  CHECK(small->view() == "text");
  CHECK(small->free_size() == 2);
  pool.give_back(std::move(small));
  CHECK(pool.take()->free_size() == TlsBlock::kCapacity);
}

TEST_CASE("tls session: a close_notify is an end, a cut is none") {
  const House house;
  Wire ended(house.context);
  REQUIRE(ended.shake());
  ended.client->put("last");
  ended.client->end_writing();
  REQUIRE(ended.client->flush() == Io::ok);
  CHECK(receive(*ended.server) == "last");
  char byte = 0;
  CHECK(ended.server->receive(&byte, 1).io == Io::closed);
  CHECK(ended.server->put("the answer to that") > 0);  // the other direction is open still

  Wire cut(house.context);
  REQUIRE(cut.shake());
  cut.client->put("last");
  REQUIRE(cut.client->flush() == Io::ok);
  CHECK(receive(*cut.client).empty());  // the ticket: what is left unread makes an end a reset
  cut.hang_up();
  CHECK(receive(*cut.server) == "last");
  CHECK(cut.server->receive(&byte, 1).io == Io::failed);
  CHECK(cut.server->problem().find("unexpected eof") != std::string::npos);
  CHECK_FALSE(cut.server->has_failed_handshake());
}

TEST_CASE("tls session: the client's name picks the certificate") {
  House house;
  const auto context = context_of({write_pair(house.dir, "b", make_pair("DNS:b.test")),
                                   write_pair(house.dir, "c", make_pair("DNS:*.c.test"))},
                                  house.tickets);
  const auto chosen = [&](const char* name) {
    Client client;
    client.name = name;
    Wire wire(context, client);
    REQUIRE(wire.shake());
    const OpensslPointer<X509> got(SSL_get1_peer_certificate(wire.client_ssl));
    return X509_check_host(got.get(), "x.c.test", 0, 0, nullptr) == 1 ? "c" : "b";
  };
  CHECK(chosen("b.test") == std::string("b"));
  CHECK(chosen("X.c.test") == std::string("c"));
  CHECK(chosen("x.y.c.test") == std::string("b"));
  CHECK(chosen("unknown.test") == std::string("b"));
  CHECK(chosen(nullptr) == std::string("b"));
}

TEST_CASE("tls session: a ticket resumes, by another certificate too, with either version") {
  House house;
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    CAPTURE(version);
    Client client;
    SSL_CTX_set_min_proto_version(client.context.get(), version);
    SSL_CTX_set_max_proto_version(client.context.get(), version);
    Wire first(house.context, client);
    REQUIRE(first.shake());
    first.server->put("x");
    first.server->flush();
    CHECK(receive(*first.client) == "x");  // with TLS 1.3 the ticket comes before it
    const OpensslPointer<SSL_SESSION> session(SSL_get1_session(first.client_ssl));
    REQUIRE(SSL_SESSION_is_resumable(session.get()) == 1);

    const auto swapped =
        context_of({write_pair(house.dir, "d", make_pair("DNS:a.test"))}, house.tickets);
    client.resumes = session.get();
    Wire second(swapped, client);
    REQUIRE(second.shake());
    CHECK(second.counters.resumed == 1);
    CHECK(second.counters.full == 0);
    second.server->put("x");
    second.server->flush();
    CHECK(receive(*second.client) == "x");
    const OpensslPointer<SSL_SESSION> next(SSL_get1_session(second.client_ssl));
    // With TLS 1.3 each is used once, and another was given.
    CHECK((SSL_SESSION_is_resumable(next.get()) == 1));
    client.resumes = next.get();
    Wire third(swapped, client);
    REQUIRE(third.shake());
    CHECK(third.counters.resumed == 1);
    client.resumes = session.get();

    TlsTickets others;
    Wire stranger(context_of({write_pair(house.dir, "e", make_pair("DNS:a.test"))}, others),
                  client);
    REQUIRE(stranger.shake());
    CHECK(stranger.counters.full == 1);
  }
}

TEST_CASE("tls session: HTTP/1.1 is spoken, and nothing else") {
  const House house;
  Client client;
  client.alpn = "\x02h2\x08http/1.1";
  Wire both(house.context, client);
  REQUIRE(both.shake());
  const unsigned char* chosen = nullptr;
  unsigned int size = 0;
  SSL_get0_alpn_selected(both.client_ssl, &chosen, &size);
  CHECK(std::string(reinterpret_cast<const char*>(chosen), size) == "http/1.1");

  client.alpn = "\x02h2";
  Wire only(house.context, client);
  CHECK_FALSE(only.shake());
  CHECK(only.server->has_failed_handshake());
  CHECK(only.counters.failed == 1);
}

TEST_CASE("tls session: what is older than TLS 1.2 is refused") {
  const House house;
  Client client;
  SSL_CTX_set_security_level(client.context.get(), 0);
  SSL_CTX_set_min_proto_version(client.context.get(), TLS1_VERSION);
  SSL_CTX_set_max_proto_version(client.context.get(), TLS1_1_VERSION);
  Wire wire(house.context, client);
  CHECK_FALSE(wire.shake());
  CHECK(wire.server->has_failed_handshake());
  CHECK(wire.server->problem() == "unsupported protocol");
}

TEST_CASE("tls session: a client without TLS is told apart, and hears nothing of TLS") {
  const House house;
  Wire plain(house.context);
  plain.say("GET /v2/ HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(plain.server->handshake() == Io::failed);
  CHECK(plain.server->was_spoken_to_in_plain());
  CHECK(plain.heard().empty());
  CHECK(plain.counters.failed == 1);

  Wire noise(house.context);
  noise.say("\x01\x02\x03\x04\x05\x06");
  CHECK(noise.server->handshake() == Io::failed);
  CHECK_FALSE(noise.server->was_spoken_to_in_plain());
  CHECK(noise.server->has_failed_handshake());

  Wire silent(house.context);
  silent.hang_up();
  CHECK(silent.server->handshake() == Io::failed);
  CHECK_FALSE(silent.server->has_failed_handshake());  // a probe of the port
  CHECK(silent.counters.failed == 0);
}

TEST_CASE("tls session: bytes that came before it began are its first") {
  const House house;
  std::array<int, 2> ends{};
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) == 0);
  const Fd near(ends[0]);
  const Fd far(ends[1]);
  TlsBlockPool blocks;
  TlsSession client(Client{}.connect(), nullptr, far.get(), blocks, nullptr);
  client.handshake();
  std::array<char, 4096> hello{};
  const auto bytes = ::recv(near.get(), hello.data(), hello.size(), 0);
  REQUIRE(bytes > 0);
  TlsSession server(house.context->accept(), house.context, near.get(), blocks, nullptr,
                    std::string(hello.data(), static_cast<std::size_t>(bytes)));
  server.handshake();
  client.handshake();
  CHECK(server.handshake() == Io::ok);
}

}  // namespace layergate::proxy
