#include "proxy/upload_start.h"

#include <utility>

#include "proxy/upload_answers.h"
#include "proxy/upstream_request.h"

namespace layergate::proxy {
namespace {

using storage::Uploads;

constexpr std::chrono::seconds kPatience{10};  // then the registry may be faster

}  // namespace

void UploadStart::start() {
  client_.socket().want(false, false);
  const auto& request = client_.request();
  if (auto refusal = refuse_fields(request.head)) {
    state_ = State::over;
    return client_.refuse(*refusal, "malformed");
  }
  const auto& route = request.route;
  route.mount.empty() || route.from.empty() ? begin() : mount();
}

void UploadStart::mount() {
  const auto& route = client_.request().route;
  auto done =
      client_.hand_on<Uploads::Mount>([this](const Uploads::Mount& result) { on_mounted(result); });
  const bool is_taken = uploads_.submit(
      [&uploads = uploads_, done = std::move(done), repository = route.repository,
       digest = route.mount, from = route.from] { done(uploads.mount(repository, digest, from)); });
  if (!is_taken) fall_back();
}

void UploadStart::on_mounted(Uploads::Mount result) {
  if (state_ != State::working) return;
  auto& request = client_.request();
  switch (result) {
    case Uploads::Mount::done:
      state_ = State::recording;
      request.record.digest = request.route.mount;
      return client_.record_arrival(201, [&client = client_] {
        client.answer(blob_created(client.request(), client.request().route.mount));
      });
    case Uploads::Mount::absent:
      return begin();
    case Uploads::Mount::doubtful:
      return fall_back();
  }
}

void UploadStart::begin() {
  auto done = client_.hand_on<Uploads::Claimed>(
      [this](const Uploads::Claimed& upload) { on_begun(upload); });
  const bool is_taken =
      uploads_.submit([&uploads = uploads_, done = std::move(done)] { done(uploads.begin()); });
  if (!is_taken) fall_back();
}

void UploadStart::on_begun(const Uploads::Claimed& upload) {
  if (state_ != State::working) return;
  if (!upload) return fall_back();
  state_ = State::over;
  (*upload)->leave();
  client_.answer(upload_goes_on(202, client_.request(), client_.worker().context().upload_token,
                                (*upload)->id(), 0));
}

void UploadStart::fall_back() {
  state_ = State::over;
  client_.ask_registry();
}

void UploadStart::tick(Worker::Clock::time_point now) {
  if (state_ == State::working && now - since_ > kPatience) fall_back();
}

}  // namespace layergate::proxy
