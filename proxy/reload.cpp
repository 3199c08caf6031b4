#include "proxy/reload.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <system_error>
#include <utility>
#include <vector>

#include <spdlog/spdlog.h>

#include "acl/loader.h"
#include "auth/htpasswd.h"
#include "base/read_file.h"

namespace layergate::proxy {
namespace {

using std::chrono::milliseconds;

constexpr int kPollMs = 1000;
constexpr milliseconds kQuiet{100};  // a file that nobody can be asked about is left alone so long
constexpr milliseconds kPatience{10'000};  // a writer that never closes

constexpr std::size_t kLargestHtpasswd = std::size_t{64} << 20U;

enum class Writer : std::uint8_t { none, present, unknown };

// A read lease is given only while nobody has the file open for writing (fcntl(2), "Leases"): a
// file that is being written in place would else be read half, and half a policy may be a laxer
// one.
Writer writer_of(const std::filesystem::path& file) {
  const Fd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) return Writer::none;  // loading it will say why
  if (::fcntl(fd.get(), F_SETLEASE, F_RDLCK) == 0) {
    ::fcntl(fd.get(), F_SETLEASE, F_UNLCK);
    return Writer::none;
  }
  return errno == EAGAIN ? Writer::present : Writer::unknown;
}

std::vector<std::string> to_strings(const std::vector<Problem>& problems) {
  std::vector<std::string> texts;
  texts.reserve(problems.size());
  for (const auto& problem : problems) texts.push_back(problem.to_string());
  return texts;
}

}  // namespace

bool Reloader::Stamp::operator==(const Stamp& other) const {
  return device == other.device && inode == other.inode && size == other.size &&
         modified.tv_sec == other.modified.tv_sec && modified.tv_nsec == other.modified.tv_nsec;
}

Reloader::Reloader(const config::Config& config, PolicyStore& policies,
                   auth::Authenticator& authenticator)
    : config_(config),
      policies_(policies),
      authenticator_(authenticator),
      inotify_(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

Reloader::~Reloader() {
  stopping_ = true;
  request();
  if (thread_.joinable()) thread_.join();
}

bool Reloader::load_all() {
  policy_seen_ = policy_stamps();
  htpasswd_seen_ = htpasswd_stamps();
  const bool htpasswd = load_htpasswd();
  const bool policy = load_policy();
  return htpasswd && policy;
}

void Reloader::start() {
  thread_ = std::thread([this] { run(); });
}

void Reloader::request() {
  forced_ = true;
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(wake_.get(), &one, sizeof one);
}

void Reloader::watch() {
  constexpr auto kWhat = IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO |
                         IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF;
  const auto below = config_.acl.parent_path() / "acl.d";
  // Watching what is watched already changes nothing; what was replaced is found again.
  for (const auto& dir : {config_.acl.parent_path(), below, config_.htpasswd.parent_path()}) {
    ::inotify_add_watch(inotify_.get(), dir.c_str(), kWhat);
  }
}

void Reloader::run() {
  while (!stopping_) {
    watch();
    std::array<pollfd, 2> fds{pollfd{inotify_.get(), POLLIN, 0}, pollfd{wake_.get(), POLLIN, 0}};
    ::poll(fds.data(), fds.size(), kPollMs);
    // What the events say does not matter: what the files are now does.
    std::array<char, 4096> drained{};
    while (::read(inotify_.get(), drained.data(), drained.size()) > 0) {
    }
    std::uint64_t count = 0;
    [[maybe_unused]] const auto read = ::read(wake_.get(), &count, sizeof count);
    if (!stopping_) look(forced_.exchange(false));
  }
}

void Reloader::look(bool forced) {
  auto htpasswd = htpasswd_stamps();
  if (forced || htpasswd != htpasswd_seen_) {
    if (!settle(htpasswd)) {
      request();
      return;
    }
    htpasswd_seen_ = std::move(htpasswd);
    load_htpasswd();
  }
  auto policy = policy_stamps();
  if (forced || policy != policy_seen_) {
    if (!settle(policy)) {
      request();
      return;
    }
    policy_seen_ = std::move(policy);
    load_policy();
  }
}

bool Reloader::settle(const Stamps& stamps) const {
  const auto start = std::chrono::steady_clock::now();
  while (!stopping_ && std::chrono::steady_clock::now() - start < kPatience) {
    bool present = false;
    bool unknown = false;
    for (const auto& [file, stamp] : stamps) {
      if (stamp.size < 0) continue;
      const auto writer = writer_of(file);
      present = present || writer == Writer::present;
      unknown = unknown || writer == Writer::unknown;
    }
    if (!present && !unknown) break;
    std::this_thread::sleep_for(present ? milliseconds{10} : kQuiet);
    if (!present) break;
  }
  // Another change meanwhile: look again.
  for (const auto& [file, stamp] : stamps) {
    Stamp now;
    struct stat info {};
    if (::stat(file.c_str(), &info) == 0)
      now = {info.st_dev, info.st_ino, info.st_size, info.st_mtim};
    if (!(now == stamp)) return false;
  }
  return true;
}

Reloader::Stamps Reloader::policy_stamps() const {
  Stamps stamps;
  std::vector<std::filesystem::path> files{config_.acl};
  std::error_code error;
  const auto below = config_.acl.parent_path() / "acl.d";
  for (auto entry = std::filesystem::directory_iterator(below, error);
       !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    const auto name = entry->path().filename().string();
    if (!name.starts_with('.') && name.ends_with(".yml")) files.push_back(entry->path());
  }
  for (const auto& file : files) {
    struct stat info {};
    stamps[file] = ::stat(file.c_str(), &info) == 0
                       ? Stamp{info.st_dev, info.st_ino, info.st_size, info.st_mtim}
                       : Stamp{};
  }
  return stamps;
}

Reloader::Stamps Reloader::htpasswd_stamps() const {
  struct stat info {};
  if (::stat(config_.htpasswd.c_str(), &info) != 0) return {{config_.htpasswd, Stamp{}}};
  return {{config_.htpasswd, Stamp{info.st_dev, info.st_ino, info.st_size, info.st_mtim}}};
}

bool Reloader::load_policy() {
  auto loaded = acl::load(config_.acl, wall_now());
  for (const auto& warning : loaded.warnings) spdlog::warn("{}", warning.to_string());
  if (loaded.policy) {
    spdlog::info("policy in force: {} rules, {} accounts", loaded.policy->rule_count(),
                 loaded.policy->accounts().size());
    policies_.set(std::move(loaded.policy));
    return true;
  }
  for (const auto& error : loaded.errors) spdlog::error("{}", error.to_string());
  spdlog::error("the policy was refused; {}",
                policies_.current() ? "the one before stays in force" : "there is none yet");
  policies_.refuse(to_strings(loaded.errors));
  return false;
}

bool Reloader::load_htpasswd() {
  auto loaded = auth::Htpasswd::load(config_.htpasswd);
  for (const auto& warning : loaded.warnings) spdlog::warn("{}", warning.to_string());
  if (loaded.htpasswd) {
    htpasswd_ = std::move(loaded.htpasswd);
    authenticator_.set_htpasswd(htpasswd_);
    policies_.set_htpasswd_problems({});
    return true;
  }
  for (const auto& error : loaded.errors) spdlog::error("{}", error.to_string());
  const auto text = read_file(config_.htpasswd, kLargestHtpasswd);
  if (htpasswd_ && text) {
    htpasswd_ = htpasswd_->restricted_to(*text);
    authenticator_.set_htpasswd(htpasswd_);
  }
  spdlog::error(
      "the password file was refused; lines that were loaded before and still stand there "
      "stay in force, all others are out");
  policies_.set_htpasswd_problems(to_strings(loaded.errors));
  return false;
}

}  // namespace layergate::proxy
