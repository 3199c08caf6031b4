#include "backup/unpack.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <system_error>
#include <utility>

#include "backup/archive_reader.h"
#include "base/fd.h"
#include "base/why_not.h"

namespace layergate::backup {
namespace {

namespace fs = std::filesystem;
using manage::Done;
using manage::failed;
using manage::Failure;

constexpr std::size_t kLargestManifest = std::size_t{64} << 20U;
constexpr std::size_t kMostFiles = 100'000;

class Unpacker {
 public:
  Unpacker(ArchiveReader& archive, const std::string& name, const fs::path& dir)
      : archive_(archive), name_(name), dir_(dir) {}

  tl::expected<Unpacked, Failure> run() {
    for (;;) {
      const auto entry = archive_.next();
      if (!entry) return invalid(entry.error());
      if (!*entry) break;
      if (!manifest_.empty()) return invalid("holds something behind its manifest");
      const auto done = (*entry)->path == kManifestName ? take_manifest() : take(**entry);
      if (!done) return tl::unexpected(done.error());
    }
    if (manifest_.empty()) return invalid("has no manifest: it is cut off, or no backup");
    auto manifest = parse_manifest(manifest_);
    if (!manifest) return invalid("has a manifest that " + manifest.error());
    if (auto equal = compare(*manifest); !equal) return tl::unexpected(equal.error());
    const auto sha256 = archive_.sha256();
    if (!sha256) return failed(Failure::Kind::io, name_ + " " + sha256.error());
    return Unpacked{*std::move(manifest), *sha256};
  }

 private:
  [[nodiscard]] tl::unexpected<Failure> invalid(const std::string& what) const {
    return failed(Failure::Kind::invalid, name_ + " " + what);
  }

  // What the archive is to blame for, and what the disk.
  Done read(const ArchiveReader::Sink& sink, std::string& sha256) {
    bool taken = true;
    auto hash = archive_.read([&](std::string_view bytes) {
      auto done = sink(bytes);
      taken = done.has_value();
      return done;
    });
    if (!hash) return taken ? invalid(hash.error()) : failed(Failure::Kind::io, hash.error());
    sha256 = *std::move(hash);
    return {};
  }

  Done take_manifest() {
    std::string ignored;
    bool fits = true;
    auto done = read(
        [&](std::string_view bytes) -> tl::expected<void, std::string> {
          fits = manifest_.size() + bytes.size() <= kLargestManifest;
          if (!fits) return tl::unexpected(std::string());
          manifest_ += bytes;
          return {};
        },
        ignored);
    if (!fits) return invalid("has a manifest that is larger than 64 MiB");
    if (done && manifest_.empty()) return invalid("has an empty manifest");
    return done;
  }

  Done take(const ArchiveReader::Entry& entry) {
    if (found_.size() == kMostFiles) return invalid("holds more than 100,000 files");
    if (found_.contains(entry.path)) return invalid("holds " + entry.path + " twice");
    const auto path = dir_ / entry.path;
    std::error_code error;
    fs::create_directories(path.parent_path(), error);
    // A file where a directory has to be: the archive names a path and one below it.
    if (error == std::errc::not_a_directory || error == std::errc::file_exists) {
      return invalid("holds " + entry.path + " below what is no directory");
    }
    if (error) {
      return failed(Failure::Kind::io,
                    "cannot make " + path.parent_path().string() + ": " + error.message());
    }
    const Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!fd && errno == EEXIST) return invalid("holds " + entry.path + ", which is a directory");
    if (!fd) return failed(Failure::Kind::io, why_not("make", path));
    Member member{entry.path, 0, 0, ""};
    auto written = read(
        [&](std::string_view bytes) -> tl::expected<void, std::string> {
          member.size += bytes.size();
          while (!bytes.empty()) {
            const auto wrote = ::write(fd.get(), bytes.data(), bytes.size());
            if (wrote < 0 && errno == EINTR) continue;
            if (wrote < 0) return tl::unexpected(why_not("write", path));
            bytes.remove_prefix(static_cast<std::size_t>(wrote));
          }
          return {};
        },
        member.sha256);
    if (!written) return written;
    if (::fsync(fd.get()) != 0) return failed(Failure::Kind::io, why_not("sync", path));
    found_.emplace(entry.path, std::move(member));
    return {};
  }

  Done compare(const Manifest& manifest) {
    for (const auto& member : manifest.members) {
      const auto at = found_.find(member.path);
      if (at == found_.end()) return invalid("lacks " + member.path + ", which was backed up");
      if (at->second.size != member.size || at->second.sha256 != member.sha256) {
        return invalid("is damaged: " + member.path + " is not what was backed up");
      }
      const auto path = dir_ / member.path;
      if (::chmod(path.c_str(), 0600U | (member.mode & 0640U)) != 0) {
        return failed(Failure::Kind::io, why_not("set the mode of", path));
      }
      found_.erase(at);
    }
    if (!found_.empty()) {
      return invalid("holds " + found_.begin()->first + ", which was not backed up");
    }
    return {};
  }

  ArchiveReader& archive_;
  const std::string& name_;
  const fs::path& dir_;
  std::string manifest_;
  std::map<std::string, Member> found_;
};

}  // namespace

tl::expected<Unpacked, Failure> unpack(int in, const std::string& name, const fs::path& dir) {
  auto archive = ArchiveReader::open(in);
  if (!archive) return failed(Failure::Kind::invalid, name + " " + archive.error());
  return Unpacker(*archive, name, dir).run();
}

}  // namespace layergate::backup
