#include "admin/connection_cap.h"

#include <sys/socket.h>

#include <algorithm>
#include <new>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>

namespace layergate::admin {
namespace {

constexpr timeval kTick{0, 200'000};

// bufferevent_free() takes the callbacks away; while evhttp has the connection it has some.
bool is_free(bufferevent* socket) {
  bufferevent_data_cb read = nullptr;
  bufferevent_data_cb write = nullptr;
  bufferevent_event_cb event = nullptr;
  bufferevent_getcb(socket, &read, &write, &event, nullptr);
  return read == nullptr && write == nullptr && event == nullptr;
}

}  // namespace

void ConnectionCap::FreeEvent::operator()(event* e) const { event_free(e); }

ConnectionCap::ConnectionCap(event_base* base)
    : base_(base),
      tick_(event_new(
          base, -1, EV_PERSIST,
          [](evutil_socket_t, short, void* self) { static_cast<ConnectionCap*>(self)->tick(); },
          this)) {
  if (!tick_) throw std::bad_alloc();
  event_add(tick_.get(), &kTick);
}

ConnectionCap::~ConnectionCap() {
  for (const auto& connection : connections_) bufferevent_decref(connection.socket);
}

void ConnectionCap::watch(evhttp* http, evconnlistener* listener) {
  listener_ = listener;
  evhttp_set_bevcb(
      http, [](event_base*, void* self) { return static_cast<ConnectionCap*>(self)->make(); },
      this);
  // No descriptor is left: the next tick tries again.
  evconnlistener_set_error_cb(listener,
                              [](evconnlistener* full, void*) { evconnlistener_disable(full); });
}

bufferevent* ConnectionCap::make() {
  auto* socket = bufferevent_socket_new(base_, -1, BEV_OPT_CLOSE_ON_FREE);
  if (socket == nullptr) return nullptr;
  bufferevent_incref(socket);
  connections_.push_back({socket, std::chrono::steady_clock::now()});
  if (connections_.size() >= kMost) evconnlistener_disable(listener_);
  return socket;
}

void ConnectionCap::hold(bufferevent* socket) {
  for (auto& connection : connections_) {
    if (connection.socket == socket) connection.held = true;
  }
}

void ConnectionCap::tick() {
  const auto now = std::chrono::steady_clock::now();
  const auto gone = std::remove_if(connections_.begin(), connections_.end(), [&](Connection& each) {
    if (is_free(each.socket)) {
      bufferevent_decref(each.socket);
      return true;
    }
    if (each.held) {
      each.since = now;
      each.held = evbuffer_get_length(bufferevent_get_output(each.socket)) == 0;
    }
    if (now - each.since > kLongest) ::shutdown(bufferevent_getfd(each.socket), SHUT_RDWR);
    return false;
  });
  connections_.erase(gone, connections_.end());
  if (connections_.size() < kMost) evconnlistener_enable(listener_);
}

}  // namespace layergate::admin
