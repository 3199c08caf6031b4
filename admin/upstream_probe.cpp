#include "admin/upstream_probe.h"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <system_error>

#include "base/fd.h"

namespace layergate::admin {
namespace {

constexpr int kConnectMs = 1000;  // for each address
constexpr std::chrono::seconds kPause{1};

std::string try_upstream(proxy::Resolver& resolver) {
  const auto addresses = resolver.upstream();
  if (addresses->empty()) return "its host name has no address";
  std::string problem;
  for (const auto& address : *addresses) {
    const Fd fd(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    int error = 0;
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address.storage), address.length) !=
        0) {
      error = errno;
      if (error == EINPROGRESS) {
        pollfd waiting{fd.get(), POLLOUT, 0};
        socklen_t length = sizeof error;
        if (::poll(&waiting, 1, kConnectMs) == 0) {
          error = ETIMEDOUT;
        } else if (::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &length) != 0) {
          error = errno;
        }
      }
    }
    if (error == 0) return "";
    problem = std::generic_category().message(error);
  }
  return problem;
}

}  // namespace

UpstreamProbe::UpstreamProbe(proxy::Resolver& resolver)
    : resolver_(resolver), thread_([this] { run(); }) {}

UpstreamProbe::~UpstreamProbe() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

std::string UpstreamProbe::problem() const {
  const std::lock_guard lock(mutex_);
  return problem_;
}

void UpstreamProbe::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    lock.unlock();
    auto found = try_upstream(resolver_);
    lock.lock();
    problem_ = std::move(found);
    wake_.wait_for(lock, kPause, [this] { return stopping_; });
  }
}

}  // namespace layergate::admin
