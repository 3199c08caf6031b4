// One event loop on a thread of its own: its listening sockets, clients and upstream connections.
//
// Thread safety: post() and begin_drain() may be called from any thread, all else only on the
// worker's own.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include <event2/event.h>

#include "base/fd.h"
#include "base/task_queue.h"
#include "proxy/context.h"
#include "proxy/listener.h"
#include "proxy/pipe.h"
#include "proxy/tls_block.h"
#include "proxy/upstream_pool.h"

namespace layergate::proxy {

class ClientConnection;

// What must not be destroyed inside its own callback waits for the end of the turn.
struct Retired {
  virtual ~Retired() = default;
};

class Worker {
 public:
  using Clock = std::chrono::steady_clock;

  // Adopts one listening socket for each entry of config.listen, in that order.
  Worker(const Context& context, std::vector<Fd> listening);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // With whom it shares its clients; all must outlive it, and be there before any is started.
  void set_peers(std::vector<Worker*> peers) { peers_ = std::move(peers); }
  void start();
  // Ends the loop at once, with whatever runs on it, and joins its thread.
  void stop();
  // Takes no new clients, closes idle ones, and lets the others end their request.
  void begin_drain();
  [[nodiscard]] bool drained() const { return clients_open_ == 0; }

  // Runs `task` on the worker's thread, soon.
  void post(std::function<void()> task) { tasks_.post(std::move(task)); }

  [[nodiscard]] const Context& context() const { return context_; }
  [[nodiscard]] event_base* base() const { return base_.get(); }
  [[nodiscard]] PipePool& pipes() { return pipes_; }
  [[nodiscard]] TlsBlockPool& tls_blocks() { return tls_blocks_; }
  [[nodiscard]] UpstreamPool& upstream() { return upstream_; }
  [[nodiscard]] std::span<char> scratch() { return scratch_; }
  [[nodiscard]] bool draining() const { return draining_; }
  // "3f2a…": random for a worker, counted within it.
  [[nodiscard]] std::string next_trace();

  // Takes a new client, or gives it to a peer that has fewer: the kernel deals them out by chance,
  // and of two busy ones both may come here (docs/decisions/0015-accept.md).
  void accept(Fd fd, const IpAddress& peer, const config::Listen& listen);
  // The client with that id, or nullptr if it has gone.
  [[nodiscard]] ClientConnection* find(std::uint64_t id);
  void remove(std::uint64_t id);
  void retire(std::unique_ptr<Retired> object);
  // Runs `task` at the end of this turn.
  void defer(std::function<void()> task);

 private:
  static void on_posted(evutil_socket_t fd, short what, void* self);
  static void on_tick(evutil_socket_t fd, short what, void* self);
  // For loops in which clients may go: one that goes is only retired.
  [[nodiscard]] std::vector<ClientConnection*> clients() const;
  Worker& least_loaded();
  void open(Fd fd, const IpAddress& peer, const config::Listen& listen, bool is_front);
  void run_deferred();
  void wake_for_deferred();
  void tick();

  struct FreeBase {
    void operator()(event_base* base) const { event_base_free(base); }
  };
  struct FreeEvent {
    void operator()(event* e) const { event_free(e); }
  };

  const Context& context_;
  std::unique_ptr<event_base, FreeBase> base_;
  std::vector<char> scratch_;
  PipePool pipes_;
  TlsBlockPool tls_blocks_;
  UpstreamPool upstream_;
  std::uint64_t trace_seed_;
  std::uint64_t traces_ = 0;

  TaskQueue tasks_;
  std::vector<std::function<void()>> deferred_;
  std::vector<std::unique_ptr<Retired>> retired_;
  std::unique_ptr<event, FreeEvent> wake_event_;
  std::unique_ptr<event, FreeEvent> tick_event_;

  std::vector<std::unique_ptr<Listener>> listeners_;
  std::unordered_map<std::uint64_t, std::unique_ptr<ClientConnection>> clients_;
  std::uint64_t next_id_ = 1;
  std::atomic<std::size_t> clients_open_{0};
  bool draining_ = false;
  std::vector<Worker*> peers_;
  std::thread thread_;
};

}  // namespace layergate::proxy
