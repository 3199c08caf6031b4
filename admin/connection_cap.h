// Bounds what strangers can hold of the admin port: evhttp limits neither its connections nor how
// long one may take (its timeout starts anew with each byte), and its listener spins when the
// process has no descriptor left.
//
// Thread safety: belongs to the admin loop's thread.
#pragma once

#include <chrono>
#include <memory>
#include <vector>

struct event;
struct event_base;
struct evhttp;
struct evconnlistener;
struct bufferevent;

namespace layergate::admin {

class ConnectionCap {
 public:
  static constexpr std::size_t kMost = 64;
  static constexpr std::chrono::seconds kLongest{20};

  explicit ConnectionCap(event_base* base);
  // After the evhttp that it watched.
  ~ConnectionCap();
  ConnectionCap(const ConnectionCap&) = delete;
  ConnectionCap& operator=(const ConnectionCap&) = delete;

  void watch(evhttp* http, evconnlistener* listener);
  // Its request is complete, and is being worked on: how long that takes is not the client's fault.
  // From when its answer begins to go out it has kLongest again. REQUIRES: evhttp made it here.
  void hold(bufferevent* socket);

 private:
  struct Connection {
    bufferevent* socket;  // a reference of ours
    std::chrono::steady_clock::time_point since;
    bool held = false;
  };
  struct FreeEvent {
    void operator()(event* e) const;
  };

  bufferevent* make();
  void tick();

  event_base* base_;
  evconnlistener* listener_ = nullptr;
  std::vector<Connection> connections_;
  std::unique_ptr<event, FreeEvent> tick_;
};

}  // namespace layergate::admin
