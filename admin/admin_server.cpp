#include "admin/admin_server.h"

#include <stdexcept>
#include <utility>

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/thread.h>

#include "admin/connection_cap.h"
#include "admin/status.h"
#include "admin/upstream_probe.h"

namespace layergate::admin {
namespace {

constexpr int kTimeoutSeconds = 10;
constexpr ev_ssize_t kMaxBytes = 64 * 1024;

struct FreeBase {
  void operator()(event_base* base) const { event_base_free(base); }
};
struct FreeHttp {
  void operator()(evhttp* http) const { evhttp_free(http); }
};

}  // namespace

struct AdminServer::Impl {
  explicit Impl(const proxy::Server& of) : server(of), probe(of.context().resolver) {}

  const proxy::Server& server;
  UpstreamProbe probe;
  std::unique_ptr<event_base, FreeBase> base;
  std::unique_ptr<ConnectionCap> cap;
  std::unique_ptr<evhttp, FreeHttp> http;
  std::thread thread;

  static void on_request(evhttp_request* request, void* self) {
    static_cast<Impl*>(self)->answer(request);
  }

  void answer(evhttp_request* request) const {
    const auto* uri = evhttp_request_get_evhttp_uri(request);
    const char* raw = uri == nullptr ? nullptr : evhttp_uri_get_path(uri);
    const std::string path = raw == nullptr ? "" : raw;
    if (path == "/healthz") {
      reply(request, 200, "application/json", "{\"status\": \"ok\"}\n");
    } else if (path == "/readyz") {
      const auto state = readiness(server, probe.problem());
      reply(request, state.ready ? 200 : 503, "application/json", state.json);
    } else if (path == "/metrics") {
      reply(request, 200, "text/plain; version=0.0.4", metrics_text(server));
    } else if (path == "/" || path == "/index.html") {
      reply(request, 200, "text/html; charset=utf-8", status_page(server, probe.problem()));
    } else {
      reply(request, 404, "text/plain", "not found; there are /, /healthz, /readyz and /metrics\n");
    }
  }

  static void reply(evhttp_request* request, int status, const char* type,
                    const std::string& body) {
    auto* fields = evhttp_request_get_output_headers(request);
    evhttp_add_header(fields, "Content-Type", type);
    evhttp_add_header(fields, "Cache-Control", "no-store");
    evhttp_add_header(fields, "X-Content-Type-Options", "nosniff");
    evhttp_add_header(fields, "X-Frame-Options", "DENY");
    evhttp_add_header(fields, "Content-Security-Policy",
                      "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'");
    evhttp_add_header(fields, "Referrer-Policy", "no-referrer");
    evhttp_add_header(fields, "Connection", "close");
    // evhttp would send a body to HEAD too.
    evhttp_add_header(fields, "Content-Length", std::to_string(body.size()).c_str());
    std::unique_ptr<evbuffer, decltype(&evbuffer_free)> buffer(evbuffer_new(), evbuffer_free);
    if (evhttp_request_get_command(request) != EVHTTP_REQ_HEAD) {
      evbuffer_add(buffer.get(), body.data(), body.size());
    }
    evhttp_send_reply(request, status, nullptr, buffer.get());
  }
};

AdminServer::AdminServer(const proxy::Server& server) : impl_(std::make_unique<Impl>(server)) {
  evthread_use_pthreads();  // the loop is ended from another thread
  impl_->base.reset(event_base_new());
  impl_->cap = std::make_unique<ConnectionCap>(impl_->base.get());
  impl_->http.reset(evhttp_new(impl_->base.get()));
  evhttp_set_allowed_methods(impl_->http.get(), EVHTTP_REQ_GET | EVHTTP_REQ_HEAD);
  evhttp_set_timeout(impl_->http.get(), kTimeoutSeconds);
  evhttp_set_max_headers_size(impl_->http.get(), kMaxBytes);
  evhttp_set_max_body_size(impl_->http.get(), kMaxBytes);
  evhttp_set_gencb(impl_->http.get(), Impl::on_request, impl_.get());
  const auto& address = server.context().config.admin;
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
