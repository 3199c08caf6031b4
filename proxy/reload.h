// Brings changes of the policy and the password file into force while the proxy runs.
//
// Thread safety: request() may be called from any thread.
#pragma once

#include <atomic>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "auth/authenticator.h"
#include "base/fd.h"
#include "config/config.h"
#include "proxy/policy_store.h"

namespace layergate::proxy {

// Directories are watched, not files: a rename over the file, or a ConfigMap that swaps a symlink,
// never touches the inode that was watched (zot PR #4384). File systems that report nothing are
// polled once a second.
class Reloader {
 public:
  Reloader(const config::Config& config, PolicyStore& policies, auth::Authenticator& authenticator);
  ~Reloader();

  // The first load: false if something is wrong, which was then logged. Nothing is in force.
  bool load_all();
  void start();
  // Loads both files again, changed or not (SIGHUP).
  void request();

 private:
  // What tells one state of a file from another.
  struct Stamp {
    dev_t device = 0;
    ino_t inode = 0;
    off_t size = -1;  // -1: there is no such file
    timespec modified{};
    bool operator==(const Stamp& other) const;
  };
  using Stamps = std::map<std::filesystem::path, Stamp>;

  void run();
  void watch();
  void look(bool forced);
  bool load_policy();
  bool load_htpasswd();
  [[nodiscard]] Stamps policy_stamps() const;
  [[nodiscard]] Stamps htpasswd_stamps() const;
  // Waits until nobody has one of the files open for writing.
  [[nodiscard]] bool settle(const Stamps& stamps) const;

  const config::Config& config_;
  PolicyStore& policies_;
  auth::Authenticator& authenticator_;
  std::shared_ptr<const auth::Htpasswd> htpasswd_;  // the one in force
  Fd inotify_;
  Fd wake_;
  Stamps policy_seen_;
  Stamps htpasswd_seen_;
  std::atomic<bool> forced_{false};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace layergate::proxy
