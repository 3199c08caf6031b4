#include "storage/blob_files.h"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "oci/digest.h"
#include "oci/reference.h"
#include "storage/layout.h"
#include "storage/page_cache.h"

namespace layergate::storage {
namespace {

using Missed = tl::unexpected<Miss>;

constexpr std::string_view kDigestOfNothing =
    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

std::int64_t nanoseconds(const timespec& time) {
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

// `missing` and `misshapen`: what it means that the file is not there, or is something else.
Miss miss_of(int error, Miss missing, Miss misshapen) {
  switch (error) {
    case EAGAIN:
      return Miss::would_wait;
    case ENOENT:
      return missing;
    case ENOTDIR:
    case ELOOP:
    case EXDEV:
    case ENXIO:
      return misshapen;
    case EACCES:
    case EPERM:
      return Miss::unreadable;
    default:
      return Miss::failed;
  }
}

// The digest in a link.
tl::expected<std::string, Miss> read_link(int root, const std::string& path, Wait wait) {
  const auto link = open_beneath(root, path, wait);
  if (link.error != 0) return Missed(miss_of(link.error, Miss::no_link, Miss::bad_link));
  if (!identity_of(link.fd.get())) return Missed(Miss::bad_link);
  std::array<char, 256> text{};  // no digest is as long
  const auto bytes = wait == Wait::no ? read_cached(link.fd.get(), text, 0)
                                      : ::pread(link.fd.get(), text.data(), text.size(), 0);
  if (bytes < 0) return Missed(errno == EAGAIN ? Miss::would_wait : Miss::failed);
  std::string digest(text.data(), static_cast<std::size_t>(bytes));
  if (!oci::is_digest(digest)) return Missed(Miss::bad_link);
  return digest;
}

}  // namespace

std::optional<FileIdentity> identity_of(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  return FileIdentity{status.st_dev, status.st_ino, static_cast<std::uint64_t>(status.st_size),
                      nanoseconds(status.st_mtim), nanoseconds(status.st_ctim)};
}

tl::expected<BlobFile, Miss> BlobFiles::find(std::string_view repository, std::string_view digest,
                                             Wait wait) const {
  const auto root = open_root(root_, wait);
  if (root.error != 0) {
    return Missed(root.error == EAGAIN ? Miss::would_wait : Miss::no_root);
  }
  auto kept = read_link(root.fd.get(), link_path(repository, digest), wait);
  if (!kept) return Missed(kept.error());
  if (*kept != digest && (oci::is_sha256(digest) || !oci::is_sha256(*kept))) {
    return Missed(Miss::bad_link);
  }
  auto data = open_beneath(root.fd.get(), blob_path(*kept), wait);
  if (data.error != 0) return Missed(miss_of(data.error, Miss::no_file, Miss::no_regular_file));
  const auto identity = identity_of(data.fd.get());
  if (!identity) return Missed(Miss::no_regular_file);
  if (identity->size == 0 && *kept != kDigestOfNothing) return Missed(Miss::empty);
  return BlobFile{std::move(data.fd), *identity, *std::move(kept)};
}

std::string_view to_string(Miss miss) {
  switch (miss) {
    case Miss::would_wait:
      return "would_wait";
    case Miss::no_root:
      return "no_root";
    case Miss::no_link:
      return "no_link";
    case Miss::bad_link:
      return "bad_link";
    case Miss::no_file:
      return "no_file";
    case Miss::no_regular_file:
      return "no_regular_file";
    case Miss::unreadable:
      return "unreadable";
    case Miss::empty:
      return "empty";
    case Miss::failed:
      return "failed";
    case Miss::slow:
      return "slow";
    case Miss::unverified:
      return "unverified";
    case Miss::damaged:
      return "damaged";
    case Miss::unusual:
      return "unusual";
  }
  return "";
}

}  // namespace layergate::storage
