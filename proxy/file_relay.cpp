#include "proxy/file_relay.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "storage/page_cache.h"

namespace layergate::proxy {

// Not by its time of change: a hard link or a chmod, as a backup makes them, alter that.
bool FileRelay::is_as_it_was() const {
  const auto now = storage::identity_of(file_.fd.get());
  return now && now->size == file_.identity.size && now->modified == file_.identity.modified;
}

// How many bytes may be sent now.
std::size_t FileRelay::next(std::size_t most) {
  if (warm_ == 0) {
    warm_ = storage::count_cached(file_.fd.get(), offset_,
                                  static_cast<std::size_t>(std::min<std::uint64_t>(left_, kLook)));
  }
  return static_cast<std::size_t>(std::min<std::uint64_t>({warm_, left_, most}));
}

// Nothing is unsent: all that is read finds room.
Socket::Result FileRelay::seal_file(std::size_t count) {
  const auto bytes = ::pread(file_.fd.get(), scratch_.data(), std::min(count, scratch_.size()),
                             static_cast<off_t>(offset_));
  if (bytes < 0) {
    errno = EIO;
    return {Socket::Io::failed, 0};
  }
  if (bytes == 0) return {Socket::Io::closed, 0};
  const auto taken = sink_.put({scratch_.data(), static_cast<std::size_t>(bytes)});
  if (taken == 0) {
    errno = EPIPE;
    return {Socket::Io::failed, 0};
  }
  return {Socket::Io::ok, taken};
}

FileRelay::Status FileRelay::step() {
  if (!is_as_it_was()) return Status::changed;
  std::size_t turn = kTurn;
  while (true) {
    const auto count = next(turn);
    if (count == 0 && left_ > 0 && turn > 0) return Status::cold;
    while (!pending_.empty()) {
      const auto result = sink_.send(pending_.view(), count > 0);
      if (result.io == Socket::Io::again) return Status::moving;
      if (result.io != Socket::Io::ok) return Status::sink_failed;
      has_begun_ = true;
      pending_.consume(result.bytes);
    }
    switch (sink_.flush()) {
      case Socket::Io::ok:
        break;
      case Socket::Io::again:
        return Status::moving;
      case Socket::Io::closed:
      case Socket::Io::failed:
        return Status::sink_failed;
    }
    if (left_ == 0) return is_as_it_was() ? Status::done : Status::changed;
    if (turn == 0) return Status::moving;
    const auto result =
        sink_.is_plain() ? sink_.send_file(file_.fd.get(), offset_, count) : seal_file(count);
    switch (result.io) {
      case Socket::Io::ok:
        break;
      case Socket::Io::again:
        return Status::moving;
      case Socket::Io::closed:
        return Status::changed;
      case Socket::Io::failed:
        return errno == EIO || errno == EINVAL ? Status::file_failed : Status::sink_failed;
    }
    offset_ += result.bytes;
    left_ -= result.bytes;
    delivered_ += result.bytes;
    warm_ -= result.bytes;
    turn -= std::min(turn, result.bytes);
  }
}

}  // namespace layergate::proxy
