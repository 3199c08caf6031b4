// Turns host names into socket addresses without making an event loop wait.
//
// Thread safety: all members may be called from any thread.
#pragma once

#include <sys/socket.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "config/config.h"

namespace layergate::proxy {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;

  static SocketAddress unix_socket(const std::string& path);  // at most 107 bytes
};

class Resolver {
 public:
  // Empty: the name has no address, or nobody could be asked.
  using Addresses = std::shared_ptr<const std::vector<SocketAddress>>;

  explicit Resolver(const config::Upstream& upstream);
  ~Resolver();

  // Where the upstream is; asked anew every 30 seconds, and the last answer is kept when a later
  // question fails. Empty until there was a first answer.
  [[nodiscard]] Addresses upstream();
  // Any other host, once; `done` is called on this resolver's thread.
  void lookup(const config::Endpoint& endpoint, std::function<void(Addresses)> done);

 private:
  struct Job {
    config::Endpoint endpoint;
    std::function<void(Addresses)> done;
  };

  void run();

  config::Upstream target_;
  bool fixed_ = false;  // a path or an IP address: never asked again
  std::mutex mutex_;
  std::condition_variable wake_;
  Addresses upstream_;  // guarded by mutex_, as are the next two
  std::deque<Job> jobs_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace layergate::proxy
