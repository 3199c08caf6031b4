#include "proxy/server.h"

#include <netdb.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <stdexcept>
#include <utility>

#include "proxy/open_files.h"

namespace layergate::proxy {
namespace {

auth::Authenticator::Options auth_options(const config::Config& config) {
  auth::Authenticator::Options options;
  options.cache_ttl = std::chrono::duration_cast<std::chrono::seconds>(config.cache_ttl);
  return options;
}

// Before anything is opened in it.
std::filesystem::path make_state(const std::filesystem::path& state) {
  std::error_code error;
  std::filesystem::create_directories(state, error);
  if (error) throw std::runtime_error(state.string() + ": cannot be made: " + error.message());
  return state;
}

UploadToken load_token(const std::filesystem::path& state) {
  auto token = UploadToken::load(state / "upload.key");
  if (!token) throw std::runtime_error(token.error());
  return *std::move(token);
}

std::unique_ptr<storage::Storage> open_storage(const config::Config& config) {
  const auto& storage = config.upstream.storage;
  if (const auto problem = storage::check(storage)) throw Server::NotValid(problem->to_string());
  if (storage.root.empty()) return nullptr;
  return std::make_unique<storage::Storage>(storage,
                                            static_cast<std::size_t>(config.limits.connections));
}

std::size_t most_pipes(const config::Limits& limits) {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return 0;
  return OpenFiles::pipes(files.rlim_cur, static_cast<std::size_t>(limits.connections));
}

// REQUIRES: blobs, if there are uploads, outlives them.
std::unique_ptr<storage::Uploads> open_uploads(const config::Config& config,
                                               storage::Storage* blobs) {
  const auto& storage = config.upstream.storage;
  if (storage.mode == config::StorageMode::read) return nullptr;
  auto uploads =
      storage::Uploads::open(storage.root, static_cast<std::size_t>(config.limits.connections),
                             [blobs](const storage::FileIdentity& file, std::string_view digest) {
                               blobs->trust(file, digest);
                             });
  if (!uploads) throw std::runtime_error(uploads.error());
  return *std::move(uploads);
}

std::vector<std::string> addresses_of_upstream(Resolver& resolver) {
  std::vector<std::string> texts;
  for (const auto& address : *resolver.upstream()) {
    std::array<char, NI_MAXHOST> text{};
    if (::getnameinfo(reinterpret_cast<const sockaddr*>(&address.storage), address.length,
                      text.data(), text.size(), nullptr, 0, NI_NUMERICHOST) == 0) {
      texts.emplace_back(text.data());
    }
  }
  return texts;
}

}  // namespace

Server::Server(config::Config config)
    : config_(std::move(config)),
      upload_token_(load_token(make_state(config_.state))),
      pipes_(most_pipes(config_.limits)),
      strangers_(std::max(config_.limits.connections / 2, 1)),
      index_({config_.index.grace, config_.index.untagged}),
      manifests_(config_.cache.manifests,
                 [this](std::string repository, std::string digest, ManifestCache::Done done) {
                   keeper_.fetch_manifest(std::move(repository), std::move(digest),
                                          std::move(done));
                 }),
      resolver_(config_.upstream),
      storage_(open_storage(config_)),
      uploads_(open_uploads(config_, storage_.get())),
      authenticator_(auth_options(config_)),
      keeper_(config_, index_, [this] { return addresses_of_upstream(resolver_); }),
      recorder_(config_),
      access_log_(config_.state / "access.log",
                  [this](const auto& summary) { recorder_.record(records::row_of(summary)); }),
      reloader_(config_, policies_, authenticator_, keeper_, tls_),
      context_{config_,       policies_,      authenticator_, access_log_, recorder_,
               resolver_,     metrics_,       upload_token_,  strangers_,  index_,
               keeper_,       bodies_,        pipes_,         manifests_,  tls_,
               tls_failures_, storage_.get(), uploads_.get()} {
  // A peer that is gone is an error of the write, not the end of the process.
  std::signal(SIGPIPE, SIG_IGN);
  // A lease that a writer breaks while we look (Reloader) would else end it too.
  std::signal(SIGIO, SIG_IGN);
  if (!reloader_.load_all()) throw NotValid("the configuration is not valid");
  auto sockets = bind_all();
  for (auto& listening : sockets) {
    workers_.push_back(std::make_unique<Worker>(context_, std::move(listening)));
  }
  std::vector<Worker*> all;
  for (const auto& worker : workers_) all.push_back(worker.get());
  for (const auto& worker : workers_) worker->set_peers(all);
}

Server::~Server() {
  for (const auto& worker : workers_) worker->stop();
}

std::vector<std::vector<Fd>> Server::bind_all() const {
  std::vector<std::vector<Fd>> sockets(static_cast<std::size_t>(config_.workers));
  for (const auto& listen : config_.listen) {
    // SO_REUSEPORT would share the port with a stranger of the same user without a word.
    Listener::check_free(listen.address);
    for (auto& of_worker : sockets) of_worker.push_back(Listener::bind(listen.address));
  }
  return sockets;
}

void Server::start() {
  keeper_.start();
  recorder_.start();
  for (const auto& worker : workers_) worker->start();
  reloader_.start();
}

void Server::tick() {
  access_log_.tick();
  if (uploads_) uploads_->tick();
}

void Server::begin_drain() {
  draining_ = true;
  for (const auto& worker : workers_) worker->begin_drain();
}

bool Server::drained() const {
  for (const auto& worker : workers_) {
    if (!worker->drained()) return false;
  }
  return true;
}

}  // namespace layergate::proxy
