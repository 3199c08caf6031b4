#include "proxy/upload_to_disk.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "proxy/upload_answers.h"
#include "proxy/upstream_request.h"

namespace layergate::proxy {
namespace {

using storage::Fault;
using storage::Uploads;

constexpr std::chrono::minutes kStall{5};  // of the disk

}  // namespace

UploadToDisk::UploadToDisk(ClientConnection& client, Uploads& uploads)
    : client_(client), uploads_(uploads), pace_(Worker::Clock::now()) {}

UploadToDisk::~UploadToDisk() = default;

bool UploadToDisk::request_was_read() const {
  return receiver_ ? receiver_->ended() : !client_.request().head.body.has_body();
}

// --- the upload ---

void UploadToDisk::start() {
  client_.socket().want(false, false);
  const auto& request = client_.request();
  if (auto refusal = refuse_fields(request.head)) return refuse(*refusal, "malformed");
  auto done = client_.hand_on<Uploads::Claimed>(
      [this](const Uploads::Claimed& upload) { on_claimed(upload); });
  const bool is_taken =
      uploads_.submit([&uploads = uploads_, done = std::move(done), id = request.route.upload_id,
                       more = request.head.body.length] { done(uploads.claim(id, more)); });
  if (!is_taken) fail(Fault::failed);
}

void UploadToDisk::on_claimed(const Uploads::Claimed& upload) {
  if (state_ != State::claiming) return;
  if (!upload) return fail(upload.error());
  upload_ = *upload;
  const auto& request = client_.request();
  if (request.head.method == Method::get) return go_on(204);
  if (request.head.method == Method::erase) return cancel();
  if (const auto response = refuse_order()) return answer(*response);
  if (request.head.method == Method::put && request.route.digest.empty()) {
    return refuse({400, ErrorCode::digest_invalid, "the end of an upload names its digest", "", 0},
                  "malformed");
  }
  begin_receiving();
}

std::optional<Response> UploadToDisk::refuse_order() const {
  auto& request = client_.request();
  const auto& text = request.head.content_range;
  // What the client has been told last: there may be more, of a request that broke off.
  auto first = UploadToken::received_of(request.route.upload_token);
  if (!text.empty()) {
    const auto range = parse_content_range(text);
    if (!range) {
      request.record.reason = "malformed";
      return to_response({400, ErrorCode::unsupported, "Content-Range must be first-last", "", 0},
                         "");
    }
    first = range->first;
  } else if (!request.head.body.has_body()) {
    return std::nullopt;  // a PUT that only ends the upload: the digest tells
  }
  if (!first || *first == upload_->size()) return std::nullopt;
  request.record.reason = "chunk out of order";
  return out_of_order(upload_->size());
}

// --- its bytes ---

void UploadToDisk::begin_receiving() {
  const auto& head = client_.request().head;
  receiver_.emplace(client_.socket(), client_.in(), head.body, uploads_.pieces(),
                    [again = client_.hand_on<bool>([this](bool) { receive(); })] { again(true); });
  if (head.expect_continue) client_.out().append("HTTP/1.1 100 Continue\r\n\r\n");
  state_ = State::receiving;
  pace_.begin(Worker::Clock::now());
  receive();
}

void UploadToDisk::on_client_readable() { receive(); }

void UploadToDisk::on_client_writable() { receive(); }

// The interim answer; the client sends nothing before it has it, or has given up on it. False: the
// client is gone.
bool UploadToDisk::send_interim() {
  while (!client_.out().empty()) {
    const auto sent = client_.socket().send(client_.out().view());
    if (sent.io == Socket::Io::again) break;
    if (sent.io != Socket::Io::ok) return false;
    client_.out().consume(sent.bytes);
  }
  return true;
}

void UploadToDisk::receive() {
  if (state_ != State::receiving) return;
  if (!send_interim()) return client_gone();
  const auto status = receiver_->step();
  client_.request().record.bytes_in = receiver_->moved();
  pace_.note(receiver_->moved(), Worker::Clock::now());
  if (!is_writing_ && receiver_->has_some() && !write()) return fail(Fault::failed);
  switch (status) {
    case UploadReceiver::Status::moving:
      return watch();
    case UploadReceiver::Status::ended:
      client_.socket().want(false, false);
      if (!is_writing_) on_received();
      return;
    case UploadReceiver::Status::closed:
      return client_gone();
    case UploadReceiver::Status::malformed:
      return refuse(
          {400, ErrorCode::blob_upload_invalid, "the body's chunked coding is broken", "", 0},
          "malformed");
  }
}

void UploadToDisk::watch() {
  client_.socket().want(receiver_->wants_read(), !client_.out().empty());
}

bool UploadToDisk::write() {
  // std::function copies what it holds.
  const auto pieces = std::make_shared<std::vector<storage::Piece>>(receiver_->take());
  auto done = client_.hand_on<Fault>([this](const Fault& fault) { on_written(fault); });
  is_writing_ = uploads_.submit_write(
      [&uploads = uploads_, done = std::move(done), upload = upload_, pieces] {
        const auto fault = uploads.append(*upload, *pieces);
        pieces->clear();  // before they are taken for the next ones
        done(fault);
      });
  return is_writing_;
}

void UploadToDisk::on_written(Fault fault) {
  if (state_ != State::receiving) return;
  is_writing_ = false;
  if (fault != Fault::none) return fail(fault);
  pace_.touch(Worker::Clock::now());
  receive();
}

// --- its end ---

void UploadToDisk::on_received() {
  client_.request().head.method == Method::put ? finish() : go_on(202);
}

void UploadToDisk::finish() {
  state_ = State::finishing;
  const auto& route = client_.request().route;
  using Shared = std::shared_ptr<const Finished>;
  auto done = client_.hand_on<Shared>([this](const Shared& result) { on_finished(*result); });
  const bool is_taken =
      uploads_.submit_finish([&uploads = uploads_, done = std::move(done), upload = upload_,
                              repository = route.repository, digest = route.digest] {
        done(std::make_shared<const Finished>(uploads.finish(*upload, repository, digest)));
      });
  if (!is_taken) fail(Fault::failed);
}

void UploadToDisk::on_finished(const Finished& digest) {
  if (state_ != State::finishing) return;
  if (!digest) return fail(digest.error());
  upload_->leave();
  state_ = State::recording;
  auto& request = client_.request();
  request.record.digest = *digest;
  client_.record_arrival(201, [&client = client_] {
    client.answer(blob_created(client.request(), client.request().record.digest));
  });
}

void UploadToDisk::cancel() {
  state_ = State::finishing;
  auto done = client_.hand_on<bool>([this](bool) {
    if (state_ == State::finishing) answer(upload_cancelled(upload_->id()));
  });
  const bool is_taken =
      uploads_.submit([&uploads = uploads_, done = std::move(done), upload = upload_] {
        uploads.remove(*upload);
        done(true);
      });
  if (!is_taken) fail(Fault::failed);
}

void UploadToDisk::go_on(int status) {
  const auto size = upload_->size();
  answer(upload_goes_on(status, client_.request(), client_.worker().context().upload_token,
                        upload_->id(), size));
}

// --- the end of the request ---

void UploadToDisk::answer(const Response& response) {
  state_ = State::over;
  // The next request may come as soon as this one is answered. While a thread is at work on it,
  // that one is the last to leave.
  if (upload_ && !is_writing_) upload_->leave();
  client_.answer(response);
}

void UploadToDisk::refuse(const Refusal& refusal, std::string_view reason) {
  state_ = State::over;
  if (upload_ && !is_writing_) upload_->leave();
  client_.refuse(refusal, std::string(reason));
}

void UploadToDisk::fail(Fault fault) { refuse(refuse_upload(fault), to_string(fault)); }

void UploadToDisk::client_gone() {
  state_ = State::over;
  client_.abort("client gone");
}

void UploadToDisk::tick(Worker::Clock::time_point now) {
  if (state_ != State::receiving) return;
  receive();  // readiness is reported only from a low-water mark on
  if (state_ != State::receiving) return;
  const auto& limits = client_.worker().context().config.limits;
  if (receiver_->wants_read() && !is_writing_ &&
      (pace_.still(now) > limits.idle || pace_.is_too_slow(limits, now))) {
    return refuse({408, ErrorCode::unsupported, "the body did not come in time", "", 0},
                  "the body did not come in time");
  }
  if (pace_.still(now) > std::max<Worker::Clock::duration>(limits.idle, kStall)) {
    return refuse({503, ErrorCode::unavailable, "the registry's storage does not answer", "", 30},
                  "storage too slow");
  }
  pace_.tick(limits, now);
}

}  // namespace layergate::proxy
