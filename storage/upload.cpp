#include "storage/upload.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>
#include <vector>

#include "oci/digest.h"

namespace layergate::storage {
namespace {

constexpr std::size_t kReadAtOnce = 512U << 10U;  // bytes
constexpr std::uint64_t kWriteOutAtOnce = 8U << 20U;

}  // namespace

int Upload::append(std::string_view bytes) {
  if (hash_) hash_->add(bytes);
  while (!bytes.empty()) {
    const auto written =
        ::pwrite(file_.get(), bytes.data(), bytes.size(), static_cast<off_t>(size_));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    size_ += static_cast<std::uint64_t>(written);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  if (size_ - sent_out_ >= kWriteOutAtOnce) begin_writing_out();
  return 0;
}

// So that the fsync at the end has little left to do. Only advice: whether it is taken does not
// matter.
void Upload::begin_writing_out() {
  ::sync_file_range(file_.get(), static_cast<off_t>(sent_out_),
                    static_cast<off_t>(size_ - sent_out_), SYNC_FILE_RANGE_WRITE);
  sent_out_ = size_;
}

tl::expected<Upload::Digests, int> Upload::digests(std::string_view like) {
  const bool wants_sha256 = oci::is_sha256(like);
  auto wanted = Hash::like(like);
  std::optional<Hash> sha256 = std::exchange(hash_, std::nullopt);
  const bool is_at_hand = sha256.has_value();
  if (!is_at_hand) sha256.emplace(Hash::Algorithm::sha256);
  if (!is_at_hand || !wants_sha256) {
    const int error = read(is_at_hand ? nullptr : &*sha256, wants_sha256 ? nullptr : &wanted);
    if (error != 0) return tl::unexpected(error);
  }
  Digests digests;
  digests.sha256 = sha256->finish();
  digests.wanted = wants_sha256 ? digests.sha256 : wanted.finish();
  return digests;
}

int Upload::read(Hash* first, Hash* second) const {
  std::vector<char> piece(kReadAtOnce);
  std::uint64_t at = 0;
  while (at < size_) {
    const auto count = std::min<std::uint64_t>(piece.size(), size_ - at);
    const auto bytes = ::pread(file_.get(), piece.data(), count, static_cast<off_t>(at));
    if (bytes < 0 && errno == EINTR) continue;
    if (bytes <= 0) return bytes < 0 ? errno : EIO;  // somebody has cut it off
    const std::string_view part(piece.data(), static_cast<std::size_t>(bytes));
    if (first != nullptr) first->add(part);
    if (second != nullptr) second->add(part);
    at += part.size();
  }
  return 0;
}

void Upload::leave() {
  if (!table_) return;
  file_.reset();
  std::optional<UploadTable::Progress> progress;
  if (!has_ended_ && hash_) progress = UploadTable::Progress{size_, *std::move(hash_)};
  std::exchange(table_, nullptr)->leave(id_, std::move(progress));
}

}  // namespace layergate::storage
