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

std::uint64_t FileRelay::delivered() const {
  return written_ - std::min<std::uint64_t>(written_, sink_.unsent());
}

// As Socket::send_file(), which would put the file's own bytes on the wire: never into TLS.
Socket::Result FileRelay::write(std::size_t count) {
  if (sink_.is_plain()) return sink_.send_file(file_.fd.get(), offset_, count);
  const auto bytes = ::pread(file_.fd.get(), scratch_.data(), std::min(count, scratch_.size()),
                             static_cast<off_t>(offset_));
  if (bytes == 0) return {Socket::Io::closed, 0};
  if (bytes < 0) return {Socket::Io::failed, 0};
  const auto taken = sink_.put({scratch_.data(), static_cast<std::size_t>(bytes)});
  return {taken > 0 ? Socket::Io::ok : Socket::Io::again, taken};
}

FileRelay::Status FileRelay::step() {
  if (!is_as_it_was()) return Status::changed;
  std::size_t turn = kTurn;
  while (true) {
    const auto count = next(turn);
    if (count == 0 && left_ > 0 && turn > 0) return Status::cold;
    while (!pending_.empty()) {
      has_begun_ = true;
      const auto result = sink_.send(pending_.view(), count > 0);
      if (result.io == Socket::Io::again) return Status::moving;
      if (result.io != Socket::Io::ok) return Status::sink_failed;
      pending_.consume(result.bytes);
    }
    // What TLS has sealed of the bytes before.
    const auto flushed = sink_.flush();
    if (flushed == Socket::Io::again) return Status::moving;
    if (flushed != Socket::Io::ok) return Status::sink_failed;
    if (left_ == 0) return is_as_it_was() ? Status::done : Status::changed;
    if (turn == 0) return Status::moving;
    const auto result = write(count);
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
    written_ += result.bytes;
    warm_ -= result.bytes;
    turn -= std::min(turn, result.bytes);
  }
}

}  // namespace layergate::proxy
