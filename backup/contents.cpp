#include "backup/contents.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <system_error>
#include <utility>

#include "auth/htpasswd_file.h"
#include "backup/manifest.h"
#include "base/atomic_file.h"
#include "base/file_lock.h"
#include "base/read_file.h"
#include "base/utf8.h"

namespace layergate::backup {
namespace {

namespace fs = std::filesystem;
using manage::Done;
using manage::failed;
using manage::Failure;

// As large as a policy file may be.
constexpr std::size_t kLargestText = std::size_t{256} << 20U;
constexpr int kTries = 5;  // to find the state directory at rest

tl::unexpected<Failure> unreadable(const fs::path& path, const std::string& what) {
  return failed(Failure::Kind::io, path.string() + ": " + what);
}

mode_t permissions_of(const struct stat& status) { return status.st_mode & 0777U; }

// Holds the lock if it can be had. Where it is not there and cannot be made, no program that could
// write the file has run.
tl::expected<Fd, Failure> hold(const fs::path& lock, const fs::path& like) {
  if (::access(lock.c_str(), F_OK) != 0 && ::access(lock.parent_path().c_str(), W_OK) != 0) {
    return Fd();
  }
  auto held = lock_file(lock, like);
  if (!held) return failed(Failure::Kind::io, held.error());
  return *std::move(held);
}

class Reader {
 public:
  explicit Reader(const config::Config& config) : config_(config) {}

  tl::expected<Configuration, Failure> read() {
    // Both, in the order of manage/: its changes of accounts write the two.
    const auto policy_lock = hold(policy_dir() / ".managed.lock", policy_dir());
    if (!policy_lock) return tl::unexpected(policy_lock.error());
    const auto passwords = resolve_links(config_.htpasswd);
    if (!passwords) return failed(Failure::Kind::io, passwords.error());
    const auto password_lock = hold(auth::lock_of_htpasswd(*passwords), *passwords);
    if (!password_lock) return tl::unexpected(password_lock.error());

    for (auto step : {&Reader::read_tree, &Reader::read_policy, &Reader::read_passwords,
                      &Reader::note_secret}) {
      if (auto done = (this->*step)(); !done) return tl::unexpected(done.error());
    }
    return std::move(found_);
  }

 private:
  Done read_tree() {
    std::error_code error;
    fs::recursive_directory_iterator at(config_.dir, error);
    for (; !error && at != fs::recursive_directory_iterator{}; at.increment(error)) {
      const auto& path = at->path();
      const auto name = path.filename().string();
      std::error_code ignored;
      if (name.starts_with('.') || fs::equivalent(path, config_.state, ignored)) {
        at.disable_recursion_pending();
        continue;
      }
      const auto kind = at->status(ignored).type();
      if (kind == fs::file_type::none) return unreadable(path, ignored.message());
      if (kind == fs::file_type::directory) {
        if (!at->is_symlink(ignored) || path == policy_dir()) continue;
        found_.passed_over.push_back(path.string() + ": a link to a directory");
      } else if (kind == fs::file_type::regular) {
        if (name.ends_with(".lock")) continue;
        if (const auto led = resolve_links(path); !led) {
          found_.passed_over.push_back(led.error());
          continue;
        }
        if (auto done = add(path, member_of(path, "")); !done) return done;
      } else {
        found_.passed_over.push_back(path.string() + ": no regular file");
      }
    }
    if (error) return unreadable(config_.dir, error.message());
    return {};
  }

  // What the loader of policies reads, wherever it stands.
  Done read_policy() {
    found_.acl = member_of(config_.acl, "acl/");
    if (auto done = add(config_.acl, found_.acl); !done) return done;
    std::error_code error;
    const auto below = fs::path(found_.acl).parent_path() / "acl.d";
    fs::directory_iterator at(policy_dir(), error);
    for (; !error && at != fs::directory_iterator{}; at.increment(error)) {
      const auto name = at->path().filename().string();
      if (name.starts_with('.') || !name.ends_with(".yml")) continue;
      if (auto done = add(at->path(), (below / name).string()); !done) return done;
    }
    if (error && error != std::errc::no_such_file_or_directory) {
      return unreadable(policy_dir(), error.message());
    }
    return {};
  }

  Done read_passwords() {
    found_.htpasswd = member_of(config_.htpasswd, "auth/");
    return add(config_.htpasswd, found_.htpasswd);
  }

  // It may be anywhere, and be somebody else's; in the config dir it was read with the others.
  Done note_secret() {
    const auto& secret = config_.records.webhook.secret_file;
    if (!secret.empty() && !member_of(secret, "").starts_with("conf/")) {
      found_.passed_over.push_back(secret.string() + ": outside of the config dir");
    }
    return {};
  }

  [[nodiscard]] fs::path policy_dir() const { return config_.acl.parent_path() / "acl.d"; }

  // Its path in the backup: below conf/ as in the config dir, or `elsewhere` and its name.
  [[nodiscard]] std::string member_of(const fs::path& path, const std::string& elsewhere) const {
    const auto inside = path.lexically_relative(config_.dir).string();
    if (!inside.empty() && !inside.starts_with("..")) return "conf/" + inside;
    return elsewhere + path.filename().string();
  }

  Done add(const fs::path& path, std::string member) {
    const auto is_it = [&](const ConfigFile& file) { return file.path == member; };
    if (std::any_of(found_.files.begin(), found_.files.end(), is_it)) return {};
    if (!is_utf8(member)) return unreadable(path, "its name is no UTF-8; rename it");
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) {
      return unreadable(path, std::generic_category().message(errno));
    }
    auto text = read_file(path, kLargestText);
    if (!text) return unreadable(path, text.error());
    found_.files.push_back({std::move(member), permissions_of(status), *std::move(text)});
    return {};
  }

  const config::Config& config_;
  Configuration found_;
};

// What lives only as long as the gate, can be made anew, or is part of a database's copy.
bool is_passing(const std::string& name) {
  constexpr std::array<std::string_view, 5> kEnds{".lock", "-wal", "-shm", "-journal", ".compiled"};
  return name.starts_with('.') ||
         std::any_of(kEnds.begin(), kEnds.end(), [&](auto end) { return name.ends_with(end); });
}

// Nothing: something was renamed or removed meanwhile.
tl::expected<std::optional<State>, Failure> open_all(const fs::path& dir) {
  State found;
  std::error_code error;
  fs::directory_iterator at(dir, error);
  for (; !error && at != fs::directory_iterator{}; at.increment(error)) {
    const auto name = at->path().filename().string();
    if (is_passing(name)) continue;
    StateFile file{"state/" + name, at->path(), {}, 0, 0, 0};
    file.fd.reset(::open(file.file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    struct stat status {};
    if (!file.fd || ::fstat(file.fd.get(), &status) != 0) {
      if (errno == ENOENT) return std::nullopt;
      return unreadable(file.file, std::generic_category().message(errno));
    }
    if (!S_ISREG(status.st_mode)) {
      found.passed_over.push_back(file.file.string() + ": no regular file");
      continue;
    }
    if (!is_utf8(name)) return unreadable(file.file, "its name is no UTF-8; rename it");
    file.mode = permissions_of(status);
    file.inode = status.st_ino;
    file.size = static_cast<std::uint64_t>(status.st_size);
    found.files.push_back(std::move(file));
  }
  if (error) return unreadable(dir, error.message());
  return found;
}

bool still_there(const StateFile& file) {
  struct stat status {};
  return ::stat(file.file.c_str(), &status) == 0 && status.st_ino == file.inode;
}

}  // namespace

tl::expected<Configuration, Failure> read_configuration(const config::Config& config) {
  return Reader(config).read();
}

tl::expected<State, Failure> open_state(const fs::path& state) {
  std::error_code ignored;
  if (fs::status(state, ignored).type() == fs::file_type::not_found) {
    State none;
    none.passed_over.push_back(state.string() + ": not there; the gate has not run yet");
    return none;
  }
  for (int i = 0; i < kTries; ++i) {
    auto opened = open_all(state);
    if (!opened) return tl::unexpected(opened.error());
    if (*opened && std::all_of((*opened)->files.begin(), (*opened)->files.end(), still_there)) {
      return **std::move(opened);
    }
  }
  return unreadable(state, "its files are renamed all the time; try again");
}

}  // namespace layergate::backup
