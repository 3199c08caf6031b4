#include "storage/uploads.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <thread>
#include <utility>

#include <openssl/rand.h>
#include <spdlog/spdlog.h>

#include "base/file_lock.h"
#include "base/hex.h"
#include "storage/beneath.h"
#include "storage/layout.h"
#include "storage/placement.h"

namespace layergate::storage {
namespace {

constexpr std::size_t kMostPieces = (256U << 20U) / Piece::kSize;
constexpr unsigned kOpeners = 4;
constexpr unsigned kFinishers = 4;
constexpr unsigned kMostWriters = 16;
constexpr std::chrono::hours kBetweenPurges{24};
constexpr std::chrono::minutes kBetweenComplaints{1};
// So that the registry, and the rest of the machine, do not come to nothing first.
constexpr std::uint64_t kLeftFree = 16U << 20U;  // bytes

using Failed = tl::unexpected<Fault>;

// Writing is hashing, which takes a core each.
unsigned writers() { return std::clamp(std::thread::hardware_concurrency(), 2U, kMostWriters); }

bool is_full(int error) { return error == ENOSPC || error == EDQUOT || error == EFBIG; }

// A random UUID (RFC 9562, version 4), as registries name uploads; empty if there is no random.
std::string new_id() {
  std::array<unsigned char, 16> random{};
  if (RAND_bytes(random.data(), static_cast<int>(random.size())) != 1) return "";
  random[6] = static_cast<unsigned char>((random[6] & 0x0fU) | 0x40U);
  random[8] = static_cast<unsigned char>((random[8] & 0x3fU) | 0x80U);
  std::string text;
  append_hex(text, random);
  for (const std::size_t at : {8U, 13U, 18U, 23U}) text.insert(at, "-");
  return text;
}

// Of a name that is never one of an upload.
std::string link_name(const std::string& id) { return id + ".link"; }

bool has_room_for(int directory, std::uint64_t bytes) {
  struct statvfs space {};
  if (bytes == 0 || ::fstatvfs(directory, &space) != 0) return true;
  return space.f_bavail * space.f_frsize >= bytes + kLeftFree;
}

}  // namespace

tl::expected<std::unique_ptr<Uploads>, std::string> Uploads::open(const std::filesystem::path& root,
                                                                  std::size_t clients,
                                                                  Placed placed) {
  const auto why = [&](const char* name, int error) {
    return tl::unexpected((root / name).string() +
                          " cannot be made: " + std::generic_category().message(error));
  };
  const auto top = open_root(root, Wait::yes);
  if (top.error != 0) return why("", top.error);
  auto own = make_directories(top.fd.get(), kOwnDirectory);
  if (own.error != 0) return why(kOwnDirectory, own.error);
  auto directory = make_directories(top.fd.get(), kUploads);
  if (directory.error != 0) return why(kUploads, directory.error);
  // What is not whole is nobody else's to read.
  if (::fchmod(directory.fd.get(), S_IRWXU) != 0) return why(kUploads, errno);
  if (const int error = make_registry(top.fd.get()); error != 0) return why("docker", error);
  auto lock = lock_file(root / kLock, root, std::chrono::seconds{2});
  if (!lock) {
    return tl::unexpected(lock.error() + " (is another layergate writing to this storage?)");
  }
  const auto identity = identity_of(lock->get());
  if (!identity) return why(kLock, errno);
  return std::make_unique<Uploads>(root, *std::move(lock), std::move(directory.fd), clients,
                                   std::move(placed));
}

Uploads::Uploads(std::filesystem::path root, Fd lock, Fd directory, std::size_t clients,
                 Placed placed)
    : files_(std::move(root)),
      lock_(std::move(lock)),
      identity_(*identity_of(lock_.get())),
      directory_(std::move(directory)),
      pieces_(std::make_shared<Pieces>(kMostPieces)),
      placed_(std::move(placed)),
      purged_at_(Clock::now() - kBetweenPurges),
      openers_(kOpeners, 2 * clients),
      writers_(writers(), 2 * clients),
      finishers_(kFinishers, 2 * clients) {}

tl::expected<Fd, Fault> Uploads::root() const {
  auto root = open_root(files_.root(), Wait::yes);
  if (root.error != 0) return Failed(Fault::no_root);
  const auto lock = open_beneath(root.fd.get(), kLock, Wait::yes);
  const auto identity = lock.error == 0 ? identity_of(lock.fd.get()) : std::nullopt;
  if (!identity || identity->device != identity_.device || identity->inode != identity_.inode) {
    return Failed(Fault::no_root);
  }
  return std::move(root.fd);
}

bool Uploads::is_in_place() const { return root().has_value(); }

Fault Uploads::fail(int error, const char* what) {
  ++failed_;
  const auto fault = is_full(error) ? Fault::full : Fault::failed;
  const auto now = Clock::now();
  const std::lock_guard lock(mutex_);
  if (told_at_ && now - *told_at_ < kBetweenComplaints) return fault;
  told_at_ = now;
  spdlog::error("storage: {}: an upload cannot be {}: {}", files_.root().string(), what,
                std::generic_category().message(error));
  return fault;
}

Uploads::Claimed Uploads::begin() {
  if (!is_in_place()) return Failed(Fault::no_root);
  const auto id = new_id();
  if (id.empty()) return Failed(fail(EAGAIN, "named"));
  table_->enter(id);
  Fd file(::openat(directory_.get(), id.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC,
                   S_IRUSR | S_IWUSR));
  const int error = errno;
  if (!file) {
    table_->leave(id, std::nullopt);
    return Failed(fail(error, "begun"));
  }
  ++begun_;
  return std::make_shared<Upload>(table_, id, std::move(file), 0, Hash(Hash::Algorithm::sha256));
}

Uploads::Claimed Uploads::claim(const std::string& id, std::uint64_t more) {
  auto entered = table_->enter(id);
  if (entered.is_busy) return Failed(Fault::busy);
  const auto leave = [&](Fault fault) {
    table_->leave(id, std::nullopt);
    return Failed(fault);
  };
  if (!is_in_place()) {
    table_->leave(id, std::move(entered.progress));
    return Failed(Fault::no_root);
  }
  Fd file(::openat(directory_.get(), id.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  if (!file) return leave(errno == ENOENT ? Fault::unknown : fail(errno, "opened"));
  const auto identity = identity_of(file.get());
  if (!identity) return leave(Fault::unknown);
  const auto size = identity->size;
  auto& progress = entered.progress;
  std::optional<Hash> hash;
  if (progress && progress->size == size) {
    hash = std::move(progress->hash);
  } else if (size == 0) {
    hash.emplace(Hash::Algorithm::sha256);
  }
  auto upload = std::make_shared<Upload>(table_, id, std::move(file), size, std::move(hash));
  if (!has_room_for(directory_.get(), more)) {
    remove(*upload);
    return Failed(fail(ENOSPC, "received"));
  }
  return upload;
}

Fault Uploads::append(Upload& upload, const std::vector<Piece>& pieces) {
  for (const auto& piece : pieces) {
    if (const int error = upload.append(piece.view()); error != 0) {
      remove(upload);
      return fail(error, "written");
    }
    bytes_ += piece.view().size();
  }
  return Fault::none;
}

tl::expected<std::string, Fault> Uploads::finish(Upload& upload, const std::string& repository,
                                                 const std::string& digest) {
  const auto give_up = [&](int error, const char* what) {
    remove(upload);
    return Failed(fail(error, what));
  };
  const auto digests = upload.digests(digest);
  if (!digests) return give_up(digests.error(), "read");
  if (digests->sha256.empty() || digests->wanted != digest) {
    remove(upload);
    return Failed(Fault::mismatch);
  }
  const auto to = root();
  if (!to) return Failed(to.error());
  const auto& kept = digests->sha256;
  if (const int error = place_blob(to->get(), directory_.get(), upload.id(), upload.file(), kept);
      error != 0) {
    return give_up(error, "made a blob");
  }
  upload.end();
  // As it is now: the rename has changed its time of change.
  if (const auto file = identity_of(upload.file())) placed_(*file, kept);
  const auto name = link_name(upload.id());
  for (const auto& as : {kept, digest}) {
    const int error = place_link(to->get(), directory_.get(), name, repository, as, kept);
    if (error != 0) return Failed(fail(error, "linked"));
    if (kept == digest) break;
  }
  ++finished_;
  return kept;
}

void Uploads::remove(Upload& upload) {
  ::unlinkat(directory_.get(), upload.id().c_str(), 0);
  upload.end();
}

Uploads::Mount Uploads::mount(const std::string& repository, const std::string& digest,
                              const std::string& from) {
  const auto to = root();
  const auto name = new_id();
  if (!to || name.empty()) return Mount::doubtful;
  const auto file = files_.find(from, digest, Wait::yes);
  if (!file) {
    const bool is_absent = file.error() == Miss::no_link || file.error() == Miss::no_file;
    return is_absent ? Mount::absent : Mount::doubtful;
  }
  const auto error =
      place_link(to->get(), directory_.get(), link_name(name), repository, digest, file->digest);
  if (error != 0) {
    fail(error, "linked");
    return Mount::doubtful;
  }
  ++mounted_;
  return Mount::done;
}

void Uploads::purge() {
  struct Close {
    void operator()(DIR* directory) const { ::closedir(directory); }
  };
  const int copy = ::openat(directory_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const std::unique_ptr<DIR, Close> entries(copy < 0 ? nullptr : ::fdopendir(copy));
  if (!entries) return;
  const auto oldest = std::time(nullptr) - std::chrono::seconds(kKept).count();
  while (const auto* entry = ::readdir(entries.get())) {
    const std::string name = entry->d_name;
    struct stat status {};
    if (::fstatat(directory_.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (!S_ISREG(status.st_mode) || status.st_mtime >= oldest) continue;
    table_->if_idle(name, [&] {
      ::unlinkat(directory_.get(), name.c_str(), 0);
      spdlog::info("storage: the upload {} is removed: nobody has gone on with it for 7 days",
                   name);
    });
  }
}

void Uploads::tick() {
  const auto now = Clock::now();
  if (now - purged_at_.load() < kBetweenPurges) return;
  if (submit([this] { purge(); })) purged_at_ = now;
}

std::string Uploads::metrics_text() const {
  const auto sample = [](const char* name, const char* type, const char* help,
                         std::uint64_t value) {
    return std::string("# HELP ") + name + " " + help + "\n# TYPE " + name + " " + type + "\n" +
           name + " " + std::to_string(value) + "\n";
  };
  const auto counter = [&](const char* name, const char* help, std::uint64_t value) {
    return sample(name, "counter", help, value);
  };
  return sample("layergate_storage_uploads_open", "gauge",
                "Uploads that a request is at work on now.", table_->busy()) +
         counter("layergate_storage_uploads_begun_total", "Uploads that were begun.", begun_) +
         counter("layergate_storage_uploads_finished_total", "Uploads that became blobs.",
                 finished_) +
         counter("layergate_storage_uploads_failed_total",
                 "Uploads and mounts that the disk did not take.", failed_) +
         counter("layergate_storage_mounts_total", "Blobs that were mounted by their link.",
                 mounted_) +
         counter("layergate_storage_received_bytes_total", "Bytes of uploads that were written.",
                 bytes_);
}

}  // namespace layergate::storage
