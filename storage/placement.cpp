#include "storage/placement.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "base/fd.h"
#include "storage/beneath.h"
#include "storage/layout.h"

namespace layergate::storage {
namespace {

constexpr int kTries = 3;

// Garbage collection removes the directories of blobs that it takes for unused.
int move_to(int root, int uploads, const std::string& name, const std::string& path, int file) {
  const auto slash = path.rfind('/');
  int error = 0;
  for (int tries = 0; tries < kTries; ++tries) {
    const auto directory = make_directories(root, path.substr(0, slash));
    if (directory.error != 0) return directory.error;
    error = adopt(directory.fd.get(), file);
    if (error != 0) return error;
    if (::fsync(file) != 0) return errno;
    if (::renameat(uploads, name.c_str(), directory.fd.get(), path.c_str() + slash + 1) == 0) {
      return ::fsync(directory.fd.get()) == 0 ? 0 : errno;
    }
    error = errno;
    if (error != ENOENT) return error;
  }
  return error;
}

}  // namespace

int make_registry(int root) {
  constexpr const char* kFirst = "docker";
  const auto made = std::string(kOwnDirectory) + "/new";
  if (::faccessat(root, kFirst, F_OK, AT_SYMLINK_NOFOLLOW) == 0) return 0;
  const auto inside = make_directories(root, made + "/registry/v2/repositories");
  if (inside.error != 0) return inside.error;
  if (::renameat(root, made.c_str(), root, kFirst) != 0) return errno;
  const auto top = make_directories(root, "");
  return top.error != 0 || ::fsync(top.fd.get()) == 0 ? top.error : errno;
}

int place_blob(int root, int uploads, const std::string& name, int file, std::string_view digest) {
  return move_to(root, uploads, name, blob_path(digest), file);
}

int place_link(int root, int uploads, const std::string& name, std::string_view repository,
               std::string_view digest, std::string_view kept) {
  const Fd file(::openat(uploads, name.c_str(),
                         O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR));
  if (!file) return errno;
  const auto written = ::write(file.get(), kept.data(), kept.size());
  int error = 0;
  if (written != static_cast<ssize_t>(kept.size())) error = written < 0 ? errno : ENOSPC;
  if (error == 0) error = move_to(root, uploads, name, link_path(repository, digest), file.get());
  if (error != 0) ::unlinkat(uploads, name.c_str(), 0);
  return error;
}

}  // namespace layergate::storage
