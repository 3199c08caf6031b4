// The running proxy: everything that serve starts, in the order in which it is needed.
#pragma once

#include <memory>
#include <stdexcept>
#include <vector>

#include "auth/authenticator.h"
#include "config/config.h"
#include "proxy/context.h"
#include "proxy/manifest_cache.h"
#include "proxy/reload.h"
#include "proxy/worker.h"

namespace layergate::proxy {

class Server {
 public:
  struct NotValid : std::runtime_error {
    using std::runtime_error::runtime_error;
  };

  // Binds the ports and loads the policy and the passwords. Throws NotValid if one of those, or the
  // registry's storage, is refused (the reason was logged, or is its text), else std::runtime_error
  // and std::system_error.
  explicit Server(config::Config config);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  void start();
  void reload() { reloader_.request(); }
  // Waits until what was written to the policy and the password file is in force, or refused.
  void catch_up(std::chrono::milliseconds patience) { reloader_.catch_up(patience); }
  // About once a second.
  void tick();
  void begin_drain();
  [[nodiscard]] bool drained() const;
  [[nodiscard]] bool draining() const { return draining_; }

  [[nodiscard]] const Context& context() const { return context_; }

 private:
  // One socket a worker for each address, made before anything runs.
  std::vector<std::vector<Fd>> bind_all() const;

  config::Config config_;
  PolicyStore policies_;
  Metrics metrics_;
  UploadToken upload_token_;
  PipeBudget pipes_;
  StrangerLimit strangers_;
  TlsStore tls_;
  TlsFailures tls_failures_;
  BodyBudget bodies_;
  index::SharedIndex index_;
  ManifestCache manifests_;
  // Workers outlive the threads that post to them, though their loops are stopped before those.
  std::vector<std::unique_ptr<Worker>> workers_;
  Resolver resolver_;
  std::unique_ptr<storage::Storage> storage_;  // null: not configured
  std::unique_ptr<storage::Uploads> uploads_;  // null: they go through the registry
  auth::Authenticator authenticator_;
  index::Keeper keeper_;
  records::Recorder recorder_;
  records::AccessLog access_log_;  // tells the recorder of its summaries, to its end
  Reloader reloader_;
  Context context_;
  std::atomic<bool> draining_{false};
};

}  // namespace layergate::proxy
