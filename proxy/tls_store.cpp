#include "proxy/tls_store.h"

#include <utility>

namespace layergate::proxy {

std::vector<std::filesystem::path> TlsStore::files(const config::Config& config) {
  std::vector<std::filesystem::path> files;
  for (const auto& listen : config.listen) {
    for (const auto& pair : listen.tls) {
      files.push_back(pair.certificate);
      files.push_back(pair.key);
    }
  }
  if (!config.upstream.ca.empty()) files.push_back(config.upstream.ca);
  return files;
}

TlsStore::Loaded TlsStore::load(const config::Config& config, TlsTickets& tickets, WallTime now) {
  Loaded loaded;
  const auto take = [](std::vector<Problem>& all, std::vector<Problem>& some) {
    for (auto& problem : some) all.push_back(std::move(problem));
  };
  for (const auto& listen : config.listen) {
    auto& context = loaded.set.listen.emplace_back();
    if (listen.tls.empty()) continue;
    auto of_port = TlsContext::load(listen.tls, tickets, now);
    context = std::move(of_port.context);
    take(loaded.errors, of_port.errors);
    take(loaded.warnings, of_port.warnings);
  }
  if (config.upstream.tls) {
    auto upstream = UpstreamTls::load(config.upstream);
    if (upstream) {
      loaded.set.upstream = *std::move(upstream);
    } else {
      loaded.errors.push_back(std::move(upstream.error()));
    }
  }
  return loaded;
}

void TlsStore::set(Set set) {
  const std::lock_guard lock(mutex_);
  std::swap(state_.set, set);
  ++state_.generation;
  state_.loaded = wall_now();
  state_.problems.clear();
}

void TlsStore::refuse(std::vector<std::string> problems) {
  const std::lock_guard lock(mutex_);
  state_.problems = std::move(problems);
  ++state_.failures;
}

}  // namespace layergate::proxy
