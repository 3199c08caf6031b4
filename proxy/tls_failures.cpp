#include "proxy/tls_failures.h"

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

namespace layergate::proxy {

std::string TlsFailures::line(const IpAddress& peer, const std::string& why,
                              Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  if (now < next_) {
    ++untold_;
    return "";
  }
  next_ = now + std::chrono::seconds{1};
  auto text = fmt::format("no TLS with {}: {}", peer.to_string(), why);
  if (untold_ > 0) text += fmt::format(" (and {} more since the last such line)", untold_);
  untold_ = 0;
  return text;
}

void TlsFailures::tell(const IpAddress& peer, const std::string& why) {
  if (const auto text = line(peer, why, Clock::now()); !text.empty()) spdlog::warn("{}", text);
}

}  // namespace layergate::proxy
