#include "proxy/reload.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <system_error>
#include <utility>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include "auth/htpasswd.h"
#include "auth/htpasswd_text.h"
#include "base/build_id.h"

namespace layergate::proxy {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int kPollMs = 1000;
constexpr int kUnsettledMs = 20;
constexpr seconds kQuiet{3};      // a file of whose writers nothing is known is left alone so long
constexpr seconds kPatience{10};  // a writer that does not end is told of
constexpr seconds kGoneGrace{5};  // a password file may be absent so long while it is replaced
// A certificate and its key are two files, which nobody can replace in one step: so long they may
// not belong together.
constexpr seconds kPairGrace{2};

std::vector<std::string> to_strings(const std::vector<Problem>& problems) {
  std::vector<std::string> texts;
  texts.reserve(problems.size());
  for (const auto& problem : problems) texts.push_back(problem.to_string());
  return texts;
}

std::vector<index::AccountRecord> accounts_of(const acl::Policy& policy) {
  std::vector<index::AccountRecord> accounts;
  for (auto& name : policy.accounts()) {
    const auto since = policy.since(name);
    accounts.push_back({std::move(name), since});
  }
  return accounts;
}

void log_errors(const std::vector<Problem>& problems) {
  for (const auto& problem : problems) spdlog::error("{}", problem.to_string());
}

}  // namespace

Reloader::Reloader(const config::Config& config, PolicyStore& policies,
                   auth::Authenticator& authenticator, index::Keeper& keeper, TlsStore& tls)
    : config_(config),
      policies_(policies),
      authenticator_(authenticator),
      tls_store_(tls),
      keeper_(keeper),
      policy_file_(config.state / "policy.compiled", build_id_with("libyaml-cpp.")),
      password_ages_(config.state),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

Reloader::~Reloader() {
  stopping_ = true;
  request();
  if (thread_.joinable()) thread_.join();
}

bool Reloader::load_all() {
  watch();
  const auto until = Clock::now() + kPatience;
  const auto load = [&](auto stamps_of, auto load_once) {
    for (;;) {
      files_.take_events();
      const auto stamps = stamps_of();
      const bool written = std::any_of(stamps.begin(), stamps.end(), [&](const auto& entry) {
        return files_.writer_of(entry.first) == FileWatch::Writer::present;
      });
      const auto result = written ? Load::again : load_once(stamps);
      if (result != Load::again) return result == Load::taken;
      if (Clock::now() >= until) {
        spdlog::error("{}: is being written by another program", stamps.begin()->first.string());
        return false;
      }
      std::this_thread::sleep_for(milliseconds{kUnsettledMs});
    }
  };
  const bool htpasswd = load([this] { return htpasswd_stamps(); },
                             [this](const FileStamps& stamps) { return load_htpasswd(stamps); });
  const bool policy = load([this] { return policy_stamps(); },
                           [this](const FileStamps& stamps) { return load_policy(stamps); });
  const bool tls = load([this] { return tls_stamps(); },
                        [this](const FileStamps& stamps) { return load_tls(stamps); });
  return htpasswd && policy && tls;
}

void Reloader::start() {
  thread_ = std::thread([this] { run(); });
}

void Reloader::request() {
  forced_ = true;
  wake();
}

void Reloader::catch_up(milliseconds patience) {
  std::unique_lock lock(mutex_);
  const auto mine = ++asked_;
  wake();
  looked_.wait_for(lock, patience, [&] { return answered_ >= mine; });
}

void Reloader::wake() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(wake_.get(), &one, sizeof one);
}

void Reloader::watch() {
  files_.watch(config_.acl.parent_path());
  files_.watch(config_.acl.parent_path() / "acl.d");
  files_.watch(config_.htpasswd.parent_path());
  for (const auto& file : TlsStore::files(config_)) files_.watch(file.parent_path());
}

void Reloader::run() {
  bool settled = true;
  while (!stopping_) {
    watch();
    std::array<pollfd, 2> fds{pollfd{files_.fd(), POLLIN, 0}, pollfd{wake_.get(), POLLIN, 0}};
    ::poll(fds.data(), fds.size(), settled ? kPollMs : kUnsettledMs);
    files_.take_events();
    std::uint64_t count = 0;
    [[maybe_unused]] const auto read = ::read(wake_.get(), &count, sizeof count);
    if (stopping_) return;
    if (forced_.exchange(false)) {
      policy_.forced = passwords_.forced = tls_.forced = true;
    }
    const auto asked = [this] {
      const std::lock_guard lock(mutex_);
      return asked_;
    }();
    const bool htpasswd = look_at_htpasswd();
    const bool policy = look_at_policy();
    const bool tls = look_at_tls();
    if (wall_now() >= next_old_) use_passwords();
    settled = htpasswd && policy && tls;
    if (!htpasswd || !policy) continue;
    {
      const std::lock_guard lock(mutex_);
      answered_ = asked;
    }
    looked_.notify_all();
  }
}

bool Reloader::look_at_htpasswd() {
  const auto now = htpasswd_stamps();
  if (!has_changed(passwords_, now)) return true;
  switch (settle(passwords_, now)) {
    case Settled::yes:
      return load_htpasswd(now) != Load::again;
    case Settled::no:
      return false;
    case Settled::overdue:
      take_htpasswd_problems(
          {{config_.htpasswd.string(), 0, 0,
            "is still being written; what was loaded before stays in force", ""}});
      return false;
  }
  return false;
}

bool Reloader::look_at_policy() {
  const auto now = policy_stamps();
  if (!has_changed(policy_, now)) return true;
  switch (settle(policy_, now)) {
    case Settled::yes:
      return load_policy(now) != Load::again;
    case Settled::no:
      return false;
    case Settled::overdue: {
      const Problem problem{config_.acl.filename().string(), 0, 0,
                            "or a file of acl.d is still being written; the policy before stays "
                            "in force",
                            ""};
      spdlog::error("{}", problem.to_string());
      policies_.refuse({problem.to_string()});
      return false;
    }
  }
  return false;
}

bool Reloader::look_at_tls() {
  const auto now = tls_stamps();
  if (!has_changed(tls_, now)) return true;
  switch (settle(tls_, now)) {
    case Settled::yes:
      return load_tls(now) != Load::again;
    case Settled::no:
      return false;
    case Settled::overdue: {
      const std::string problem =
          "a certificate or key is still being written; what was loaded before stays in force";
      spdlog::error("{}", problem);
      tls_store_.refuse({problem});
      return false;
    }
  }
  return false;
}

bool Reloader::has_changed(const Subject& subject, const FileStamps& now) const {
  return subject.forced || now != subject.seen ||
         std::any_of(now.begin(), now.end(),
                     [&](const auto& entry) { return files_.is_touched(entry.first); });
}

Reloader::Settled Reloader::settle(Subject& subject, const FileStamps& now) {
  const auto time = Clock::now();
  if (!subject.changed) subject.changed = time;
  if (now != subject.coming) {
    subject.coming = now;
    subject.met = time;
  }
  bool present = false;
  bool unknown = false;
  for (const auto& [file, stamp] : now) {
    if (stamp.size < 0) continue;
    // Of a file that is as it was, nothing has to be known.
    const auto before = subject.seen.find(file);
    const bool same = before != subject.seen.end() && before->second == stamp;
    if (same && !files_.is_touched(file)) continue;
    const auto writer = files_.writer_of(file);
    present = present || writer == FileWatch::Writer::present;
    unknown = unknown || writer == FileWatch::Writer::unknown;
  }
  if (!present && (!unknown || subject.forced || time - subject.met >= kQuiet)) return Settled::yes;
  if (present && !subject.complained && time - *subject.changed >= kPatience) {
    subject.complained = true;
    return Settled::overdue;
  }
  return Settled::no;
}

bool Reloader::is_still(const FileStamps& before, const FileStamps& now) const {
  return before == now && std::none_of(now.begin(), now.end(), [&](const auto& entry) {
           return files_.writer_of(entry.first) == FileWatch::Writer::present;
         });
}

void Reloader::done(Subject& subject, FileStamps stamps) {
  for (const auto& [file, stamp] : stamps) files_.forget(file);
  subject.seen = std::move(stamps);
  subject.coming.clear();
  subject.changed.reset();
  subject.complained = subject.forced = false;
}

FileStamps Reloader::policy_stamps() const {
  FileStamps stamps;
  stamps[config_.acl] = FileStamp::of(config_.acl);
  std::error_code error;
  const auto below = config_.acl.parent_path() / "acl.d";
  for (auto entry = std::filesystem::directory_iterator(below, error);
       !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    const auto name = entry->path().filename().string();
    if (!name.starts_with('.') && name.ends_with(".yml")) {
      stamps[entry->path()] = FileStamp::of(entry->path());
    }
  }
  return stamps;
}

FileStamps Reloader::htpasswd_stamps() const {
  return {{config_.htpasswd, FileStamp::of(config_.htpasswd)}};
}

FileStamps Reloader::tls_stamps() const {
  FileStamps stamps;
  for (const auto& file : TlsStore::files(config_)) stamps[file] = FileStamp::of(file);
  return stamps;
}

Reloader::Load Reloader::load_policy(const FileStamps& stamps) {
  auto from = policy_file_.load(config_.acl, wall_now(), keeper_.covered());
  auto& loaded = from.result;
  files_.take_events();
  if (!is_still(stamps, policy_stamps())) return Load::again;
  done(policy_, stamps);
  for (const auto& warning : loaded.warnings) spdlog::warn("{}", warning.to_string());
  if (loaded.policy) {
    spdlog::info("policy in force: {} rules, {} accounts{}", loaded.policy->rule_count(),
                 loaded.policy->accounts().size(), from.was_compiled ? ", compiled before" : "");
    keeper_.remember_covered(std::move(loaded.covered));
    policy_file_.keep(from, keeper_.covered());
    keeper_.set_accounts(accounts_of(*loaded.policy));
    policies_.set(std::move(loaded.policy));
    return Load::taken;
  }
  log_errors(loaded.errors);
  spdlog::error("the policy was refused; {}",
                policies_.current() ? "the one before stays in force" : "there is none yet");
  policies_.refuse(to_strings(loaded.errors));
  return Load::refused;
}

Reloader::Load Reloader::load_htpasswd(const FileStamps& stamps) {
  const auto name = config_.htpasswd.string();
  const auto text = auth::read_htpasswd_text(config_.htpasswd);
  auto loaded = text ? auth::Htpasswd::parse(*text, name) : auth::Htpasswd::Loaded{};
  files_.take_events();
  if (!is_still(stamps, htpasswd_stamps())) return Load::again;

  if (!text) {
    if (!htpasswd_gone_) {
      htpasswd_gone_ = Clock::now();
      take_htpasswd_problems({{name, 0, 0, text.error().what, ""}});
    }
    // What cannot be read may have lost lines; but a file that is replaced in two steps is absent
    // for a moment.
    const bool in_grace = htpasswd_ && Clock::now() - *htpasswd_gone_ < kGoneGrace;
    if (in_grace) return Load::again;
    done(passwords_, stamps);
    htpasswd_ = auth::Htpasswd::parse("", name).htpasswd;
    authenticator_.set_htpasswd(htpasswd_);
    spdlog::error("without a password file nobody can log in");
    return Load::refused;
  }
  done(passwords_, stamps);
  htpasswd_gone_.reset();
  for (const auto& warning : loaded.warnings) spdlog::warn("{}", warning.to_string());
  if (loaded.htpasswd) {
    htpasswd_ = std::move(loaded.htpasswd);
    use_passwords();
    policies_.set_htpasswd_problems({});
    return Load::taken;
  }
  if (htpasswd_) {
    htpasswd_ = htpasswd_->restricted_to(*text);
    use_passwords();
  }
  take_htpasswd_problems(loaded.errors);
  spdlog::error(
      "the password file was refused; lines that were loaded before and still stand there stay in "
      "force, all others are out");
  return Load::refused;
}

Reloader::Load Reloader::load_tls(const FileStamps& stamps) {
  auto loaded = TlsStore::load(config_, tls_store_.tickets(), wall_now());
  files_.take_events();
  if (!is_still(stamps, tls_stamps())) return Load::again;
  const bool is_first = tls_store_.state().generation == 0;
  if (!loaded.errors.empty() && !is_first) {
    if (!tls_broken_) tls_broken_ = Clock::now();
    if (Clock::now() - *tls_broken_ < kPairGrace) return Load::again;
  }
  tls_broken_.reset();
  done(tls_, stamps);
  for (const auto& warning : loaded.warnings) spdlog::warn("{}", warning.to_string());
  if (loaded.errors.empty()) {
    tls_store_.set(std::move(loaded.set));
    if (!stamps.empty()) spdlog::info("certificates in force, of {} files", stamps.size());
    return Load::taken;
  }
  log_errors(loaded.errors);
  spdlog::error("the certificates were refused; {}",
                is_first ? "there are none yet" : "those before stay in force");
  tls_store_.refuse(to_strings(loaded.errors));
  return Load::refused;
}

auth::PasswordTimes Reloader::password_times() {
  const auto now = wall_now();
  try {
    return password_ages_.note(*htpasswd_, now);
  } catch (const std::exception& error) {
    // A line that changed meanwhile is taken for as old as the one before: rather too old.
    spdlog::error("the ages of passwords cannot be kept: {}", error.what());
    auth::PasswordTimes times;
    for (const auto& user : htpasswd_->users()) {
      const auto known = password_times_.find(user);
      times[user] = known == password_times_.end() ? now : known->second;
    }
    return times;
  }
}

void Reloader::use_passwords() {
  password_times_ = password_times();
  const auto old = auth::old_passwords(password_times_, config_.passwords.max_age, wall_now());
  next_old_ = old.next;
  const bool refuse = config_.passwords.expired == config::ExpiredPassword::refuse;
  authenticator_.set_htpasswd(refuse ? htpasswd_->without(old.accounts) : htpasswd_);
  if (old.accounts.empty()) return;
  spdlog::warn("passwords older than {} days{}: {}{}", config_.passwords.max_age.count() / 24,
               refuse ? ", which are refused" : "", old.accounts.front(),
               old.accounts.size() == 1 ? ""
                                        : fmt::format(" and {} more, see `layergate user list`",
                                                      old.accounts.size() - 1));
}

void Reloader::take_htpasswd_problems(const std::vector<Problem>& problems) {
  log_errors(problems);
  policies_.set_htpasswd_problems(to_strings(problems));
}

}  // namespace layergate::proxy
