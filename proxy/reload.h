// Brings changes of the policy, the password file and the certificates into force while the proxy
// runs.
//
// They are loaded apart: none waits for another. A file is read when nobody is writing it,
// and what was read counts only if it did not change meanwhile.
//
// Thread safety: request() and catch_up() may be called from any thread.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "auth/authenticator.h"
#include "auth/password_ages.h"
#include "base/fd.h"
#include "config/config.h"
#include "index/keeper.h"
#include "proxy/file_watch.h"
#include "proxy/policy_file.h"
#include "proxy/policy_store.h"
#include "proxy/tls_store.h"

namespace layergate::proxy {

class Reloader {
 public:
  // Throws std::runtime_error if `state` cannot be used.
  Reloader(const config::Config& config, PolicyStore& policies, auth::Authenticator& authenticator,
           index::Keeper& keeper, TlsStore& tls);
  ~Reloader();

  // The first load: false if something is wrong, which was then logged. Nothing is in force.
  bool load_all();
  void start();
  // Loads all of them again, changed or not (SIGHUP).
  void request();
  // Waits until what the files hold now has been loaded, or refused; at most so long.
  void catch_up(std::chrono::milliseconds patience);

 private:
  using Clock = std::chrono::steady_clock;

  // One thing that is loaded from one or more files.
  struct Subject {
    const char* name;
    FileStamps seen;                           // as it was last loaded
    FileStamps coming;                         // as it was last met on the way to the next load
    Clock::time_point met;                     // when
    std::optional<Clock::time_point> changed;  // since when it waits to be loaded
    bool complained = false;
    bool forced = false;
  };
  enum class Settled : std::uint8_t { yes, no, overdue };
  enum class Load : std::uint8_t {
    taken,
    refused,
    again,  // somebody wrote meanwhile
  };

  void run();
  void wake();
  void watch();
  // Each returns whether it is done with what is there now.
  bool look_at_htpasswd();
  bool look_at_policy();
  bool look_at_tls();
  [[nodiscard]] bool has_changed(const Subject& subject, const FileStamps& now) const;
  Settled settle(Subject& subject, const FileStamps& now);
  // What was read was the file as it stands: nobody wrote meanwhile.
  [[nodiscard]] bool is_still(const FileStamps& before, const FileStamps& now) const;
  void done(Subject& subject, FileStamps stamps);
  Load load_policy(const FileStamps& stamps);
  Load load_htpasswd(const FileStamps& stamps);
  Load load_tls(const FileStamps& stamps);
  // Hands the password file to the authenticator, without what is too old, if that is refused.
  void use_passwords();
  [[nodiscard]] auth::PasswordTimes password_times();
  void take_htpasswd_problems(const std::vector<Problem>& problems);
  [[nodiscard]] FileStamps policy_stamps() const;
  [[nodiscard]] FileStamps htpasswd_stamps() const;
  [[nodiscard]] FileStamps tls_stamps() const;

  const config::Config& config_;
  PolicyStore& policies_;
  auth::Authenticator& authenticator_;
  TlsStore& tls_store_;
  index::Keeper& keeper_;                           // remembers what was covered
  std::shared_ptr<const auth::Htpasswd> htpasswd_;  // the one in force, old passwords included
  PolicyFile policy_file_;
  auth::PasswordAges password_ages_;
  auth::PasswordTimes password_times_;
  WallTime next_old_ = WallTime::max();             // when another password will be too old
  std::optional<Clock::time_point> htpasswd_gone_;  // since when it cannot be read
  FileWatch files_;
  Fd wake_;
  Subject policy_{"policy", {}, {}, {}, {}};
  Subject passwords_{"password file", {}, {}, {}, {}};
  Subject tls_{"certificates", {}, {}, {}, {}};
  std::optional<Clock::time_point> tls_broken_;  // since when the files do not go together
  std::atomic<bool> forced_{false};
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  std::condition_variable looked_;
  std::uint64_t asked_ = 0;     // calls of catch_up(); guarded by mutex_
  std::uint64_t answered_ = 0;  // of those, the ones whose look is over; guarded by mutex_
  std::thread thread_;
};

}  // namespace layergate::proxy
