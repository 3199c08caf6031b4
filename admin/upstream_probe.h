// Whether the registry can be reached, asked again and again off every loop: an address that does
// not answer takes a second to find out, and a liveness probe must not wait behind it.
//
// Thread safety: problem() may be called from any thread.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "proxy/resolver.h"

namespace layergate::admin {

class UpstreamProbe {
 public:
  // Starts to ask. The resolver must outlive this.
  explicit UpstreamProbe(proxy::Resolver& resolver);
  ~UpstreamProbe();
  UpstreamProbe(const UpstreamProbe&) = delete;
  UpstreamProbe& operator=(const UpstreamProbe&) = delete;

  // Empty if a connection could be made the last time, else why not.
  [[nodiscard]] std::string problem() const;

 private:
  void run();

  proxy::Resolver& resolver_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::string problem_ = "not tried yet";  // guarded by mutex_
  bool stopping_ = false;                  // guarded by mutex_
  std::thread thread_;
};

}  // namespace layergate::admin
