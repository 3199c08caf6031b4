// A listening socket of one worker.
#pragma once

#include <event2/event.h>
#include <event2/event_struct.h>

#include "base/fd.h"
#include "config/config.h"

namespace layergate::proxy {

class Worker;

class Listener {
 public:
  // Binds with SO_REUSEPORT, so that each worker has a queue of its own. Throws std::system_error.
  static Fd bind(const config::Endpoint& endpoint);
  // Throws std::system_error if another socket has the port, even one that would share it.
  static void check_free(const config::Endpoint& endpoint);

  Listener(Worker& worker, Fd fd, const config::Listen& listen);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // Takes who waits in the queue: once more before the end, so that nobody is reset.
  void accept_all();
  // After a pause because no descriptor was free.
  void resume();

 private:
  void accept(int most);
  static void on_ready(evutil_socket_t fd, short what, void* self);

  Worker& worker_;
  Fd fd_;
  const config::Listen& listen_;
  event event_{};
};

}  // namespace layergate::proxy
