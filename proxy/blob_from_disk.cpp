#include "proxy/blob_from_disk.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <spdlog/spdlog.h>

#include "proxy/byte_range.h"
#include "proxy/fields.h"
#include "proxy/upstream_request.h"
#include "storage/page_cache.h"

namespace layergate::proxy {
namespace {

using storage::Miss;
using storage::Wait;

constexpr std::size_t kBringIn = 4U << 20U;      // bytes at a time
constexpr std::chrono::seconds kFinding{5};      // then the registry may be faster
constexpr std::chrono::seconds kFirstBytes{10};  // the same, once the file is open
constexpr std::chrono::minutes kReading{5};      // in the middle of a body

}  // namespace

BlobFromDisk::BlobFromDisk(ClientConnection& client, storage::Storage& storage)
    : client_(client), storage_(storage), pace_(Worker::Clock::now()) {}

BlobFromDisk::~BlobFromDisk() = default;

// --- the file ---

// What the registry answers in ways of its own, or is refused with its request.
bool BlobFromDisk::is_unusual() const {
  const auto& request = client_.request();
  const auto range = wanted_range(request);
  return refuse_fields(request.head).has_value() || (range && !range->is_plain());
}

BlobFromDisk::Found BlobFromDisk::find(Wait wait) const {
  const auto& request = client_.request();
  return storage_.find(request.route.repository, request.route.digest, wait,
                       request.head.method == Method::get);
}

void BlobFromDisk::start() {
  client_.socket().want(false, false);
  if (is_unusual()) return fall_back(Miss::unusual);
  auto found = find(Wait::no);
  if (!found && found.error() == Miss::would_wait) return find_elsewhere();
  on_found(std::move(found));
}

void BlobFromDisk::find_elsewhere() {
  const auto& request = client_.request();
  using Shared = std::shared_ptr<Found>;
  auto done = client_.hand_on<Shared>(
      [this](const Shared& found) { on_found(std::exchange(*found, tl::unexpected(Miss::slow))); });
  const bool is_taken = storage_.submit(
      [&storage = storage_, done = std::move(done), repository = request.route.repository,
       digest = request.route.digest, is_wanted = request.head.method == Method::get] {
        done(std::make_shared<Found>(storage.find(repository, digest, Wait::yes, is_wanted)));
      });
  if (!is_taken) fall_back(Miss::slow);
}

void BlobFromDisk::on_found(Found found) {
  if (state_ != State::finding) return;
  if (found) {
    file_ = std::make_shared<const storage::BlobFile>(*std::move(found));
    return respond();
  }
  if (found.error() != Miss::damaged) return fall_back(found.error());
  // The registry would send the same bytes.
  const auto& route = client_.request().route;
  storage_.note(Miss::damaged, route.repository, route.digest);
  state_ = State::over;
  client_.refuse({500, ErrorCode::unavailable,
                  "the registry's copy of this blob is damaged: its bytes are not those of its "
                  "digest; ask the operator",
                  "", 0},
                 "damaged in the storage");
}

void BlobFromDisk::fall_back(Miss miss) {
  state_ = State::over;
  const auto& route = client_.request().route;
  storage_.note(miss, route.repository, route.digest);
  client_.out().clear();
  client_.ask_registry();
}

// --- the answer ---

// As registry 2.8 and 3 answer; tests/flow/test_storage.py compares.
void BlobFromDisk::respond() {
  auto& request = client_.request();
  const auto size = file_->identity.size;
  const auto etag = '"' + file_->digest + '"';
  request.record.digest = file_->digest;

  ByteSpan span{0, size == 0 ? 0 : size - 1};
  auto length = size;
  ResponseHead head;
  head.status = 200;
  const auto range = wanted_range(request);
  if (names_etag(request.head.if_none_match, etag)) {
    head.status = 304;
    length = 0;
  } else if (range) {
    const auto part = range->of(size);
    if (!part) {
      state_ = State::over;
      storage_.note_served(0);
      return client_.answer(out_of_range("bytes */" + std::to_string(size)));
    }
    head.status = 206;
    span = *part;
    length = span.last - span.first + 1;
  }
  const auto length_text = std::to_string(length);
  const auto range_text = "bytes " + std::to_string(span.first) + "-" + std::to_string(span.last) +
                          "/" + std::to_string(size);
  const auto date = http_date(wall_now());
  head.fields = {{"Cache-Control", "max-age=31536000"},
                 {"Date", date},
                 {"Docker-Content-Digest", file_->digest},
                 {"ETag", etag}};
  if (head.status != 304) {
    head.fields.push_back({"Accept-Ranges", "bytes"});
    head.fields.push_back({"Content-Type", "application/octet-stream"});
    head.fields.push_back({"Content-Length", length_text});
  }
  if (head.status == 206) head.fields.push_back({"Content-Range", range_text});

  keep_client_ = client_.may_keep_alive();
  const auto text = forward_head(head, request, client_.worker().context().upload_token, false,
                                 {keep_client_, request.record.trace});
  request.record.status = head.status;
  client_.out().append(*text);  // there is no Location in it that could be refused
  if (request.head.method == Method::head) length = 0;
  relay_.emplace(*file_, span.first, length, client_.socket(), client_.out(),
                 client_.worker().scratch());
  state_ = State::sending;
  pace_.begin(Worker::Clock::now());
  send();
}

void BlobFromDisk::on_client_writable() {
  if (state_ == State::sending) send();
}

void BlobFromDisk::send() {
  const auto status = relay_->step();
  client_.request().record.bytes_out = relay_->delivered();
  pace_.note(relay_->delivered(), Worker::Clock::now());
  switch (status) {
    case FileRelay::Status::moving:
      client_.socket().want(false, true);
      break;
    case FileRelay::Status::cold:
      bring_in();
      break;
    case FileRelay::Status::done:
      state_ = State::over;
      storage_.note_served(relay_->delivered());
      client_.finish(keep_client_);
      break;
    case FileRelay::Status::changed:
      if (!relay_->has_begun()) return fall_back(Miss::failed);
      cut("a blob's file was changed while it was sent");
      break;
    case FileRelay::Status::file_failed:
      if (!relay_->has_begun()) return fall_back(Miss::failed);
      cut("a blob's file cannot be read to its end");
      break;
    case FileRelay::Status::sink_failed:
      state_ = State::over;
      client_.abort("client gone");
      break;
  }
}

void BlobFromDisk::bring_in() {
  state_ = State::reading;
  client_.socket().want(false, false);
  pace_.touch(Worker::Clock::now());
  auto done =
      client_.hand_on<std::int64_t>([this](const std::int64_t& bytes) { on_brought_in(bytes); });
  const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(relay_->left(), kBringIn));
  const bool is_taken =
      storage_.submit([file = file_, offset = relay_->offset(), count, done = std::move(done)] {
        done(storage::bring_in(file->fd.get(), offset, count));
      });
  if (is_taken) return;
  if (!relay_->has_begun()) return fall_back(Miss::slow);
  cut("too much waits for the disk");
}

void BlobFromDisk::on_brought_in(std::int64_t bytes) {
  if (state_ != State::reading) return;
  if (bytes <= 0) {
    if (!relay_->has_begun()) return fall_back(Miss::failed);
    return cut("a blob's file cannot be read to its end");
  }
  relay_->warmed(static_cast<std::uint64_t>(bytes));
  state_ = State::sending;
  send();
}

void BlobFromDisk::cut(const char* why) {
  const auto& route = client_.request().route;
  storage_.note_cut(route.repository, route.digest, why);
  state_ = State::over;
  client_.abort("file changed");
}

void BlobFromDisk::tick(Worker::Clock::time_point now) {
  const auto& limits = client_.worker().context().config.limits;
  switch (state_) {
    case State::finding:
      if (pace_.still(now) > kFinding) fall_back(Miss::slow);
      return;
    case State::sending:
      send();  // readiness is reported only from a low-water mark on
      if (state_ != State::sending) break;
      pace_.note_owed(client_.socket().unacknowledged() + client_.socket().unsent(), now);
      if (pace_.still(now) > limits.idle || pace_.is_too_slow(limits, now)) {
        state_ = State::over;
        client_.abort("client too slow");
        return;
      }
      break;
    case State::reading:
      if (!relay_->has_begun() && pace_.still(now) > kFirstBytes) return fall_back(Miss::slow);
      if (pace_.still(now) > kReading) return cut("the disk did not answer in time");
      break;
    case State::over:
      return;
  }
  if (state_ != State::over) pace_.tick(limits, now);
}

}  // namespace layergate::proxy
