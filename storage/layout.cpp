#include "storage/layout.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <system_error>

#include "base/fd.h"

namespace layergate::storage {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kTop = "docker/registry/v2";

// 0, or the errno of reading the directory.
int try_directory(const fs::path& path) {
  const Fd fd{::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!fd) return errno;
  // What is in it must be within reach too.
  return ::faccessat(fd.get(), ".", R_OK | X_OK, AT_EACCESS) == 0 ? 0 : errno;
}

std::string reason(int error) { return std::generic_category().message(error); }

bool holds_nothing(const fs::path& root) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(root, error)) {
    const auto name = entry.path().filename();
    if (name != "lost+found" && name != kOwnDirectory) return false;
  }
  return !error;
}

}  // namespace

std::string link_path(std::string_view repository, std::string_view digest) {
  const auto colon = digest.find(':');
  std::string path;
  path.reserve(kTop.size() + repository.size() + digest.size() + 32);
  path.append(kTop).append("/repositories/").append(repository).append("/_layers/");
  path.append(digest.substr(0, colon)).append("/").append(digest.substr(colon + 1));
  return path.append("/link");
}

std::string blob_path(std::string_view digest) {
  const auto colon = digest.find(':');
  const auto hex = digest.substr(colon + 1);
  std::string path;
  path.reserve(kTop.size() + digest.size() + 24);
  path.append(kTop).append("/blobs/").append(digest.substr(0, colon)).append("/");
  path.append(hex.substr(0, 2)).append("/").append(hex);
  return path.append("/data");
}

std::optional<std::string> problem_of(const fs::path& root) {
  if (const int error = try_directory(root); error != 0) {
    return error == ENOENT    ? "does not exist"
           : error == ENOTDIR ? "is not a directory"
                              : "cannot be read: " + reason(error);
  }
  const auto top = root / kTop;
  if (const int error = try_directory(top); error != 0) {
    if (error != ENOENT) {
      return "holds " + std::string(kTop) + ", which cannot be read: " + reason(error);
    }
    if (holds_nothing(root)) return std::nullopt;
    if (try_directory(root / "repositories") == 0) {
      return "is " + std::string(kTop) + " itself: name the directory that holds docker/";
    }
    return "holds no " + std::string(kTop) +
           ": it must be the rootdirectory of the registry's own configuration";
  }
  const int repositories = try_directory(top / "repositories");
  const int blobs = try_directory(top / "blobs");
  // An upload makes its repository first, and the first blob when it ends.
  if (repositories == 0 && (blobs == 0 || blobs == ENOENT)) return std::nullopt;
  const auto* which = repositories != 0 ? "/repositories" : "/blobs";
  const int error = repositories != 0 ? repositories : blobs;
  if (error == ENOENT) return "holds no " + std::string(kTop) + which;
  return "holds " + std::string(kTop) + which + ", which cannot be read: " + reason(error);
}

std::optional<std::string> problem_of_writing(const fs::path& root) {
  struct stat of_root {};
  if (::stat(root.c_str(), &of_root) != 0) return "cannot be read: " + reason(errno);
  const auto top = std::string(kTop);
  const std::array<std::string, 5> all{"", top + "/blobs", top + "/repositories", kOwnDirectory,
                                       kUploads};
  for (const auto& name : all) {
    const auto path = name.empty() ? root : root / name;
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0) {
      if (errno == ENOENT) continue;  // it is made
      return "cannot be read: " + reason(errno);
    }
    const auto which = name.empty() ? std::string() : "holds " + name + ", which ";
    if (!name.empty() && !S_ISDIR(status.st_mode)) return which + "is not a directory";
    if (::faccessat(AT_FDCWD, path.c_str(), W_OK | X_OK, AT_EACCESS) != 0) {
      return which + "cannot be written by this user: " + reason(errno);
    }
    if (status.st_dev != of_root.st_dev && !name.empty()) {
      return which + "is on another filesystem: a blob could not be moved there in one step";
    }
  }
  return std::nullopt;
}

}  // namespace layergate::storage
