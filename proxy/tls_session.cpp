#include "proxy/tls_session.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

namespace layergate::proxy {
namespace {

constexpr std::size_t kRecord = 16U << 10U;  // most plain text of one (RFC 8446, 5.1)
// Header, explicit nonce or content type, and tag of an AEAD record: at most 29 bytes.
constexpr std::size_t kOverhead = 32;
// For what the library itself may have to say in between: alerts, an update of keys.
constexpr std::size_t kReserve = 1024;

static_assert(TlsBlock::kCapacity >= (128U << 10U) + 9 * kOverhead + kReserve);

// Plain text whose records fit into `room` bytes.
std::size_t plain_that_fits(std::size_t room) {
  if (room <= kReserve + kOverhead) return 0;
  room -= kReserve;
  const auto whole = room / (kRecord + kOverhead);
  const auto rest = room % (kRecord + kOverhead);
  return whole * kRecord + (rest > kOverhead ? rest - kOverhead : 0);
}

}  // namespace

TlsSession::TlsSession(OpensslPointer<SSL> ssl, std::shared_ptr<const void> keep, int fd,
                       TlsBlockPool& blocks, HandshakeCounters* counters, std::string early)
    : keep_(std::move(keep)),
      ssl_(std::move(ssl)),
      fd_(fd),
      blocks_(blocks),
      counters_(counters),
      early_(std::move(early)) {
  BIO* bio = ssl_ ? BIO_new(bio_method()) : nullptr;
  if (bio == nullptr) {
    fail("OpenSSL has no memory for another connection");
    return;
  }
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_.get(), bio, bio);
}

TlsSession::~TlsSession() {
  // Who connects and says nothing (a probe of the port) has not tried.
  if (state_ == State::handshaking && peer_spoke_) count(Handshake::failed);
  // Else the library forgets the session that the next connection is to resume.
  if (ssl_) SSL_set_shutdown(ssl_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  blocks_.give_back(std::move(in_));
  blocks_.give_back(std::move(out_));
}

// --- the library's way to the socket ---

const BIO_METHOD* TlsSession::bio_method() {
  static const BIO_METHOD* const method = [] {
    auto* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "layergate");
    if (made == nullptr) return made;
    BIO_meth_set_write_ex(made, bio_write);
    BIO_meth_set_read_ex(made, bio_read);
    BIO_meth_set_ctrl(made, bio_control);
    return made;
  }();
  return method;
}

int TlsSession::bio_write(BIO* bio, const char* data, std::size_t size, std::size_t* written) {
  auto& session = *static_cast<TlsSession*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  if (!session.out_) session.out_ = session.blocks_.take();
  auto& out = *session.out_;
  const auto count = std::min(size, out.free_size());
  if (count == 0) {
    BIO_set_retry_write(bio);
    return 0;
  }
  std::memcpy(out.free_space(), data, count);
  out.add(count);
  *written = count;
  return 1;
}

int TlsSession::bio_read(BIO* bio, char* data, std::size_t size, std::size_t* read) {
  auto& session = *static_cast<TlsSession*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  if (!session.early_.empty()) {
    *read = std::min(size, session.early_.size());
    std::memcpy(data, session.early_.data(), *read);
    session.early_.erase(0, *read);
    session.peer_spoke_ = true;
    return 1;
  }
  if (!session.in_ && !session.fill()) {
    if (!session.at_end_ && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_read(bio);
    return 0;
  }
  auto& in = *session.in_;
  *read = std::min(size, in.size());
  std::memcpy(data, in.view().data(), *read);
  in.consume(*read);
  if (in.empty()) session.blocks_.give_back(std::move(session.in_));
  return 1;
}

bool TlsSession::fill() {
  auto block = blocks_.take();
  const auto bytes = ::recv(fd_, block->free_space(), block->free_size(), 0);
  if (bytes <= 0) {
    at_end_ = bytes == 0;
    const int error = errno;
    blocks_.give_back(std::move(block));
    errno = error;
    return false;
  }
  block->add(static_cast<std::size_t>(bytes));
  in_ = std::move(block);
  peer_spoke_ = true;
  return true;
}

long TlsSession::bio_control(BIO* bio, int command, long /*number*/, void* /*pointer*/) {
  switch (command) {
    case BIO_CTRL_FLUSH:  // flush() does it, once for all that was written
    case BIO_CTRL_DUP:
      return 1;
    case BIO_CTRL_EOF:
      return static_cast<TlsSession*>(BIO_get_data(bio))->at_end_ ? 1 : 0;
    default:  // among them the question whether the kernel does TLS
      return 0;
  }
}

// --- outcomes ---

Io TlsSession::outcome_of(int result) {
  const int error = errno;
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
      return Io::again;
    case SSL_ERROR_ZERO_RETURN:
      return Io::closed;
    case SSL_ERROR_SYSCALL:
      ERR_clear_error();
      fail(at_end_ ? "the connection ended without a close_notify"
                   : std::generic_category().message(error));
      return Io::failed;
    default:
      break;
  }
  const auto reason = ERR_GET_REASON(ERR_peek_last_error());
  plain_http_ = is_handshaking() && SSL_is_server(ssl_.get()) == 1 &&
                (reason == SSL_R_HTTP_REQUEST || reason == SSL_R_HTTPS_PROXY_REQUEST);
  auto what = take_openssl_error();
  const auto verified = SSL_get_verify_result(ssl_.get());
  if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED && verified != X509_V_OK) {
    what += std::string(": ") + X509_verify_cert_error_string(verified);
  }
  fail(std::move(what));
  return Io::failed;
}

void TlsSession::fail(std::string problem) {
  if (state_ == State::failed) return;
  if (state_ == State::handshaking && peer_spoke_) count(Handshake::failed);
  state_ = State::failed;
  problem_ = std::move(problem);
}

void TlsSession::count(Handshake kind) {
  if (counters_ == nullptr) return;
  switch (kind) {
    case Handshake::full:
      ++counters_->full;
      break;
    case Handshake::resumed:
      ++counters_->resumed;
      break;
    case Handshake::failed:
      ++counters_->failed;
      break;
  }
}

// --- moving bytes ---

Io TlsSession::handshake() {
  if (state_ == State::failed) return Io::failed;
  if (state_ == State::open) return Io::ok;
  ERR_clear_error();
  errno = 0;
  const int result = SSL_do_handshake(ssl_.get());
  if (result != 1) {
    const auto io = outcome_of(result);
    flush();  // the flight that is to be answered; or the alert that says what was wrong
    if (state_ == State::failed) return Io::failed;
    return io == Io::closed ? Io::failed : Io::again;
  }
  state_ = State::open;
  was_open_ = true;
  count(SSL_session_reused(ssl_.get()) == 1 ? Handshake::resumed : Handshake::full);
  return flush() == Io::failed ? Io::failed : Io::ok;
}

IoResult TlsSession::receive(char* data, std::size_t size) {
  if (state_ == State::failed) return {Io::failed, 0};
  if (state_ == State::handshaking) {
    if (const auto io = handshake(); io != Io::ok) return {io, 0};
  }
  std::size_t got = 0;
  auto io = Io::ok;
  while (got < size && (got == 0 || buffered())) {
    std::size_t bytes = 0;
    ERR_clear_error();
    errno = 0;
    if (SSL_read_ex(ssl_.get(), data + got, size - got, &bytes) != 1) {
      io = outcome_of(0);
      break;
    }
    got += bytes;
  }
  if (unsent() > 0) flush();  // an alert, perhaps
  // What was wrong shows again at the next call.
  if (got > 0) return {Io::ok, got};
  return {io, 0};
}

bool TlsSession::buffered() const {
  return in_ || !early_.empty() || (state_ == State::open && SSL_pending(ssl_.get()) > 0);
}

std::size_t TlsSession::put(std::string_view data) {
  if (state_ != State::open || ended_writing_) return 0;
  const auto room = out_ ? out_->free_size() : TlsBlock::kCapacity;
  const auto count = std::min(data.size(), plain_that_fits(room));
  if (count == 0) return 0;
  std::size_t written = 0;
  ERR_clear_error();
  errno = 0;
  // All of it: there is room, and the library waits for nothing else.
  if (SSL_write_ex(ssl_.get(), data.data(), count, &written) != 1) {
    if (outcome_of(0) != Io::failed) fail("a record could not be written whole");
    return 0;
  }
  return written;
}

Io TlsSession::flush() {
  while (out_) {
    const auto text = out_->view();
    const auto bytes = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
    if (bytes < 0) {
      if (errno == EAGAIN || errno == EINTR) {
        fit();
        return Io::again;
      }
      fail(std::generic_category().message(errno));
      return Io::failed;
    }
    out_->consume(static_cast<std::size_t>(bytes));
    if (out_->empty()) blocks_.give_back(std::move(out_));
  }
  return state_ == State::failed ? Io::failed : Io::ok;
}

// What waits for a slow peer takes no more memory than it needs.
void TlsSession::fit() {
  if (out_->size() + kReserve > out_->capacity() / 2) return;
  auto fitting = std::make_unique<TlsBlock>(out_->view(), kReserve);
  blocks_.give_back(std::exchange(out_, std::move(fitting)));
}

void TlsSession::end_writing() {
  if (state_ != State::open || std::exchange(ended_writing_, true)) return;
  ERR_clear_error();
  SSL_shutdown(ssl_.get());
  ERR_clear_error();
}

}  // namespace layergate::proxy
