#include "backup/archive_reader.h"

#include <archive.h>
#include <archive_entry.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>
#include <vector>

#include "base/sha256.h"

namespace layergate::backup {
namespace {

constexpr std::size_t kChunk = std::size_t{1} << 18U;

struct FreeArchive {
  void operator()(archive* made) const { archive_read_free(made); }
};

// A path as an error may show it: control characters would reach a terminal.
std::string shown(std::string_view path) {
  std::string text;
  for (const char c : path.substr(0, 200)) {
    text += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  }
  return '"' + text + '"';
}

}  // namespace

struct ArchiveReader::Impl {
  int in;
  Sha256 hash;
  std::vector<char> buffer = std::vector<char>(kChunk);
  std::unique_ptr<archive, FreeArchive> tar{archive_read_new()};

  explicit Impl(int fd) : in(fd) {}

  [[nodiscard]] tl::unexpected<std::string> failed() const {
    const char* why = archive_error_string(tar.get());
    return tl::unexpected(std::string("is damaged, cut off or no backup: ") +
                          (why == nullptr ? "it cannot be read" : why));
  }

  // Less than 0: errno says why.
  ssize_t fill() {
    ssize_t got = 0;
    do {
      got = ::read(in, buffer.data(), buffer.size());
    } while (got < 0 && errno == EINTR);
    if (got > 0) hash.add({buffer.data(), static_cast<std::size_t>(got)});
    return got;
  }

  static la_ssize_t read(archive* tar, void* self, const void** data) {
    auto& impl = *static_cast<Impl*>(self);
    const auto got = impl.fill();
    if (got < 0) {
      const int error = errno;
      archive_set_error(tar, error, "%s", std::generic_category().message(error).c_str());
      return ARCHIVE_FATAL;
    }
    *data = impl.buffer.data();
    return got;
  }
};

ArchiveReader::ArchiveReader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ArchiveReader::ArchiveReader(ArchiveReader&&) noexcept = default;
ArchiveReader::~ArchiveReader() = default;

tl::expected<ArchiveReader, std::string> ArchiveReader::open(int in) {
  auto impl = std::make_unique<Impl>(in);
  auto* tar = impl->tar.get();
  // Only what is written here: each further form is code that a forged file could reach.
  if (archive_read_support_format_tar(tar) != ARCHIVE_OK ||
      archive_read_support_filter_zstd(tar) != ARCHIVE_OK ||
      archive_read_open(tar, impl.get(), nullptr, Impl::read, nullptr) != ARCHIVE_OK) {
    return impl->failed();
  }
  return ArchiveReader(std::move(impl));
}

tl::expected<std::optional<ArchiveReader::Entry>, std::string> ArchiveReader::next() {
  archive_entry* entry = nullptr;
  const int found = archive_read_next_header(impl_->tar.get(), &entry);
  if (found == ARCHIVE_EOF) return std::nullopt;
  if (found != ARCHIVE_OK) return impl_->failed();
  const char* path = archive_entry_pathname(entry);
  if (path == nullptr) return impl_->failed();
  if (archive_entry_filetype(entry) != AE_IFREG || archive_entry_hardlink(entry) != nullptr ||
      archive_entry_sparse_count(entry) != 0 || archive_entry_size_is_set(entry) == 0) {
    return tl::unexpected("holds " + shown(path) + ", which is no regular file");
  }
  if (path != kManifestName && !is_member_path(path)) {
    return tl::unexpected("holds " + shown(path) + ", which is no path of a backup");
  }
  return Entry{path, static_cast<std::uint64_t>(archive_entry_size(entry))};
}

tl::expected<std::string, std::string> ArchiveReader::read(const Sink& sink) {
  Sha256 hash;
  std::vector<char> buffer(kChunk);
  for (;;) {
    const auto got = archive_read_data(impl_->tar.get(), buffer.data(), buffer.size());
    if (got < 0) return impl_->failed();
    if (got == 0) return hash.hex();
    const std::string_view bytes(buffer.data(), static_cast<std::size_t>(got));
    hash.add(bytes);
    if (auto taken = sink(bytes); !taken) return tl::unexpected(taken.error());
  }
}

tl::expected<std::string, std::string> ArchiveReader::sha256() {
  for (;;) {
    const auto got = impl_->fill();
    if (got < 0) return tl::unexpected(std::string("cannot be read to its end"));
    if (got == 0) return impl_->hash.hex();
  }
}

}  // namespace layergate::backup
