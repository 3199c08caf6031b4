#include "backup/archive_writer.h"

#include <archive.h>
#include <archive_entry.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>
#include <vector>

#include "base/sha256.h"

namespace layergate::backup {
namespace {

constexpr std::size_t kChunk = std::size_t{1} << 18U;

struct FreeArchive {
  void operator()(archive* made) const { archive_write_free(made); }
};
struct FreeEntry {
  void operator()(archive_entry* entry) const { archive_entry_free(entry); }
};

}  // namespace

struct ArchiveWriter::Impl {
  int out;
  Sha256 written;
  std::unique_ptr<archive, FreeArchive> tar{archive_write_new()};

  explicit Impl(int fd) : out(fd) {}

  [[nodiscard]] tl::unexpected<std::string> failed(const std::string& what) const {
    const char* why = archive_error_string(tar.get());
    return tl::unexpected("cannot write " + what + ": " + (why == nullptr ? "no memory" : why));
  }

  static la_ssize_t write(archive* tar, void* self, const void* data, std::size_t size) {
    auto& impl = *static_cast<Impl*>(self);
    ssize_t wrote = 0;
    do {
      wrote = ::write(impl.out, data, size);
    } while (wrote < 0 && errno == EINTR);
    if (wrote < 0) {
      const int error = errno;
      archive_set_error(tar, error, "%s", std::generic_category().message(error).c_str());
      return ARCHIVE_FATAL;
    }
    impl.written.add({static_cast<const char*>(data), static_cast<std::size_t>(wrote)});
    return wrote;
  }

  tl::expected<void, std::string> begin(const std::string& path, mode_t mode, std::uint64_t size) {
    const std::unique_ptr<archive_entry, FreeEntry> entry(archive_entry_new());
    archive_entry_set_pathname(entry.get(), path.c_str());
    archive_entry_set_filetype(entry.get(), AE_IFREG);
    archive_entry_set_perm(entry.get(), mode);
    archive_entry_set_size(entry.get(), static_cast<la_int64_t>(size));
    if (archive_write_header(tar.get(), entry.get()) != ARCHIVE_OK) return failed(path);
    return {};
  }

  [[nodiscard]] bool put(std::string_view bytes) const {
    while (!bytes.empty()) {
      const auto took = archive_write_data(tar.get(), bytes.data(), bytes.size());
      if (took <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(took));
    }
    return true;
  }
};

ArchiveWriter::ArchiveWriter(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ArchiveWriter::ArchiveWriter(ArchiveWriter&&) noexcept = default;
ArchiveWriter::~ArchiveWriter() = default;

tl::expected<ArchiveWriter, std::string> ArchiveWriter::open(int out) {
  auto impl = std::make_unique<Impl>(out);
  auto* tar = impl->tar.get();
  // Names are bytes to us: without this they would be converted from the locale's character set,
  // and into it by who reads them.
  if (archive_write_set_format_pax_restricted(tar) != ARCHIVE_OK ||
      archive_write_set_options(tar, "hdrcharset=BINARY") != ARCHIVE_OK ||
      archive_write_add_filter_zstd(tar) != ARCHIVE_OK ||
      archive_write_set_bytes_in_last_block(tar, 1) != ARCHIVE_OK ||
      archive_write_open(tar, impl.get(), nullptr, Impl::write, nullptr) != ARCHIVE_OK) {
    return impl->failed("the archive");
  }
  return ArchiveWriter(std::move(impl));
}

tl::expected<Member, std::string> ArchiveWriter::add(const std::string& path, mode_t mode,
                                                     std::string_view text) {
  if (auto begun = impl_->begin(path, mode, text.size()); !begun) {
    return tl::unexpected(begun.error());
  }
  Sha256 hash;
  hash.add(text);
  if (!impl_->put(text)) return impl_->failed(path);
  return Member{path, text.size(), mode, hash.hex()};
}

tl::expected<Member, std::string> ArchiveWriter::add(const std::string& path, mode_t mode, int in,
                                                     std::uint64_t size) {
  if (auto begun = impl_->begin(path, mode, size); !begun) return tl::unexpected(begun.error());
  Sha256 hash;
  std::vector<char> buffer(kChunk);
  for (std::uint64_t at = 0; at < size;) {
    const auto most = static_cast<std::size_t>(std::min<std::uint64_t>(size - at, buffer.size()));
    const auto got = ::pread(in, buffer.data(), most, static_cast<off_t>(at));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      const int error = errno;
      return tl::unexpected(
          "cannot read " + path + ": " +
          (got == 0 ? "it was cut meanwhile; try again" : std::generic_category().message(error)));
    }
    const std::string_view bytes(buffer.data(), static_cast<std::size_t>(got));
    hash.add(bytes);
    if (!impl_->put(bytes)) return impl_->failed(path);
    at += bytes.size();
  }
  return Member{path, size, mode, hash.hex()};
}

tl::expected<std::string, std::string> ArchiveWriter::finish() {
  if (archive_write_close(impl_->tar.get()) != ARCHIVE_OK) return impl_->failed("the archive");
  return impl_->written.hex();
}

}  // namespace layergate::backup
