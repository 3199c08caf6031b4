#include "admin/admin_server.h"

#include <new>
#include <stdexcept>
#include <utility>

#include <event2/event.h>
#include <event2/http.h>
#include <event2/thread.h>

#include "admin/answer.h"
#include "admin/api_port.h"
#include "admin/browser_checks.h"
#include "admin/connection_cap.h"
#include "admin/request.h"
#include "admin/status.h"
#include "admin/upstream_probe.h"

namespace layergate::admin {
namespace {

constexpr int kTimeoutSeconds = 10;
constexpr ev_ssize_t kMaxHead = 64 * 1024;
constexpr ev_ssize_t kMaxBody = 1024 * 1024;
constexpr timeval kTick{1, 0};

struct FreeBase {
  void operator()(event_base* base) const { event_base_free(base); }
};
struct FreeHttp {
  void operator()(evhttp* http) const { evhttp_free(http); }
};
struct FreeEvent {
  void operator()(event* e) const { event_free(e); }
};

}  // namespace

struct AdminServer::Impl {
  Impl(proxy::Server& of, api::Site site)
      : server(of),
        probe(of.context().resolver),
        loop(std::make_shared<TaskQueue>()),
        calls(of, std::move(site), loop) {}

  const proxy::Server& server;
  UpstreamProbe probe;
  std::shared_ptr<TaskQueue> loop;
  std::unique_ptr<event_base, FreeBase> base;
  std::unique_ptr<ConnectionCap> cap;
  std::unique_ptr<evhttp, FreeHttp> http;
  std::unique_ptr<event, FreeEvent> tasks;
  std::unique_ptr<event, FreeEvent> tick;
  ApiPort calls;
  std::thread thread;

  static void on_request(evhttp_request* request, void* self) {
    static_cast<Impl*>(self)->answer(request);
  }
  static void on_tasks(evutil_socket_t, short, void* self) {
    for (const auto& task : static_cast<Impl*>(self)->loop->take()) task();
  }
  static void on_tick(evutil_socket_t, short, void* self) {
    static_cast<Impl*>(self)->calls.tick();
  }

  void answer(evhttp_request* from) {
    auto request = Request::of(from);
    if (ApiPort::is_call(request.path)) {
      cap->hold(evhttp_connection_get_bufferevent(evhttp_request_get_connection(from)));
      calls.take(from, std::move(request));
    } else {
      send(from, answer_to(request));
    }
  }

  [[nodiscard]] Answer answer_to(const Request& request) const {
    const auto& path = request.path;
    if (request.is_change()) {
      Answer refusal{405, "text/plain", "nothing can be changed there\n"};
      refusal.fields.emplace_back("Allow", "GET, HEAD");
      return refusal;
    }
    // Whether it is alive may be asked by any name: it tells nothing.
    if (path == "/healthz") return {200, "application/json", "{\"status\": \"ok\"}\n"};
    if (const auto refused = refuse_host(request, server.context().config.admin.names)) {
      return {refused->status, "text/plain", refused->body.at("detail").get<std::string>() + '\n'};
    }
    if (path == "/readyz") {
      const auto state = readiness(server, probe.problem());
      return {state.ready ? 200 : 503, "application/json", state.json};
    }
    if (path == "/metrics") return {200, "text/plain; version=0.0.4", metrics_text(server)};
    if (path == "/" || path == "/index.html") {
      Answer page{200, "text/html; charset=utf-8", status_page(server, probe.problem())};
      page.policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";
      return page;
    }
    return {404, "text/plain", "not found; there are /, /api/v1, /healthz, /readyz and /metrics\n"};
  }
};

AdminServer::AdminServer(proxy::Server& server, api::Site site)
    : impl_(std::make_unique<Impl>(server, std::move(site))) {
  evthread_use_pthreads();  // the loop is ended from another thread
  impl_->base.reset(event_base_new());
  impl_->cap = std::make_unique<ConnectionCap>(impl_->base.get());
  impl_->http.reset(evhttp_new(impl_->base.get()));
  evhttp_set_allowed_methods(impl_->http.get(), EVHTTP_REQ_GET | EVHTTP_REQ_HEAD | EVHTTP_REQ_POST |
                                                    EVHTTP_REQ_PUT | EVHTTP_REQ_PATCH |
                                                    EVHTTP_REQ_DELETE | EVHTTP_REQ_OPTIONS);
  evhttp_set_timeout(impl_->http.get(), kTimeoutSeconds);
  evhttp_set_max_headers_size(impl_->http.get(), kMaxHead);
  evhttp_set_max_body_size(impl_->http.get(), kMaxBody);
  evhttp_set_gencb(impl_->http.get(), Impl::on_request, impl_.get());
  impl_->tasks.reset(event_new(impl_->base.get(), impl_->loop->fd(), EV_READ | EV_PERSIST,
                               Impl::on_tasks, impl_.get()));
  impl_->tick.reset(event_new(impl_->base.get(), -1, EV_PERSIST, Impl::on_tick, impl_.get()));
  if (!impl_->tasks || !impl_->tick) throw std::bad_alloc();
  event_add(impl_->tasks.get(), nullptr);
  event_add(impl_->tick.get(), &kTick);
  const auto& address = server.context().config.admin.address;
  auto* bound =
      evhttp_bind_socket_with_handle(impl_->http.get(), address.host.c_str(), address.port);
  if (bound == nullptr) {
    throw std::runtime_error("cannot listen on " + address.to_string() +
                             " (admin.address): is another program there?");
  }
  impl_->cap->watch(impl_->http.get(), evhttp_bound_socket_get_listener(bound));
}

AdminServer::~AdminServer() {
  if (!impl_->thread.joinable()) return;
  event_base_loopbreak(impl_->base.get());
  impl_->thread.join();
}

void AdminServer::start() {
  impl_->thread =
      std::thread([this] { event_base_loop(impl_->base.get(), EVLOOP_NO_EXIT_ON_EMPTY); });
}

}  // namespace layergate::admin
