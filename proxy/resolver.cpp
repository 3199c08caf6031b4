#include "proxy/resolver.h"

#include <netdb.h>
#include <sys/un.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <utility>

namespace layergate::proxy {
namespace {

constexpr std::chrono::seconds kRefresh{30};

Resolver::Addresses resolve(const config::Endpoint& endpoint) {
  auto found = std::make_shared<std::vector<SocketAddress>>();
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* list = nullptr;
  const auto port = std::to_string(endpoint.port);
  if (::getaddrinfo(endpoint.host.c_str(), port.c_str(), &hints, &list) != 0) return found;
  for (const auto* entry = list; entry != nullptr; entry = entry->ai_next) {
    SocketAddress address;
    std::memcpy(&address.storage, entry->ai_addr, entry->ai_addrlen);
    address.length = entry->ai_addrlen;
    found->push_back(address);
  }
  ::freeaddrinfo(list);
  return found;
}

}  // namespace

SocketAddress SocketAddress::unix_socket(const std::string& path) {
  SocketAddress address;
  sockaddr_un un{};
  un.sun_family = AF_UNIX;
  std::copy_n(path.begin(), std::min(path.size(), sizeof un.sun_path - 1), std::begin(un.sun_path));
  std::memcpy(&address.storage, &un, sizeof un);
  address.length = sizeof un;
  return address;
}

Resolver::Resolver(const config::Upstream& upstream) : target_(upstream) {
  if (!upstream.socket.empty()) {
    upstream_ = std::make_shared<std::vector<SocketAddress>>(
        std::vector{SocketAddress::unix_socket(upstream.socket)});
    fixed_ = true;
  } else if (IpAddress::parse(upstream.address.host)) {
    upstream_ = resolve(upstream.address);
    fixed_ = true;
  }
  thread_ = std::thread([this] { run(); });
}

Resolver::~Resolver() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

Resolver::Addresses Resolver::upstream() {
  const std::lock_guard lock(mutex_);
  return upstream_ ? upstream_ : std::make_shared<const std::vector<SocketAddress>>();
}

void Resolver::lookup(const config::Endpoint& endpoint, std::function<void(Addresses)> done) {
  {
    const std::lock_guard lock(mutex_);
    jobs_.push_back({endpoint, std::move(done)});
  }
  wake_.notify_all();
}

void Resolver::run() {
  auto next = std::chrono::steady_clock::now();
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (!jobs_.empty()) {
      auto job = std::move(jobs_.front());
      jobs_.pop_front();
      lock.unlock();
      job.done(resolve(job.endpoint));
      lock.lock();
      continue;
    }
    if (!fixed_ && std::chrono::steady_clock::now() >= next) {
      lock.unlock();
      auto found = resolve(target_.address);
      lock.lock();
      const bool known = !found->empty();
      if (known) upstream_ = std::move(found);
      next = std::chrono::steady_clock::now() + (known ? kRefresh : std::chrono::seconds{1});
      continue;
    }
    if (fixed_) {
      wake_.wait(lock);
    } else {
      wake_.wait_until(lock, next);
    }
  }
}

}  // namespace layergate::proxy
