// What the index asks the registry: libcurl on an event loop. Small requests only, each answer
// whole in memory; layers go by proxy/exchange.
//
// Thread safety: belongs to the loop's thread.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include <curl/curl.h>

#include "config/config.h"

struct event;
struct event_base;

namespace layergate::index {

struct UpstreamRequest {
  std::string method = "GET";
  std::string target;  // "/v2/…"
  std::string accept;
  std::string content_type;
  std::string body;
};

struct UpstreamAnswer {
  int status = 0;       // 0: none came, and `problem` says why
  std::string problem;  // without a newline
  std::string content_type;
  std::string digest;  // Docker-Content-Digest
  std::string link;    // Link
  std::string body;

  [[nodiscard]] bool is_success() const { return status >= 200 && status < 300; }
  // What came instead of the answer that was hoped for.
  [[nodiscard]] std::string why_not() const {
    return status == 0 ? problem : "it answered " + std::to_string(status);
  }
};

class UpstreamClient {
 public:
  using Done = std::function<void(UpstreamAnswer)>;
  enum class Urgency : std::uint8_t {
    someone_waits,  // goes before all that does not
    background,     // at most `parallel` at once
  };

  // The IP addresses of the upstream's host, as far as they are known.
  using Addresses = std::function<std::vector<std::string>()>;

  // `addresses`: each is tried, the one that worked last first; without it libcurl looks them up,
  // and waits seconds for the third when two refuse.
  UpstreamClient(event_base* base, const config::Upstream& upstream, int parallel,
                 Addresses addresses = {});
  // No `done` is called any more.
  ~UpstreamClient();
  UpstreamClient(const UpstreamClient&) = delete;
  UpstreamClient& operator=(const UpstreamClient&) = delete;

  // `done` is called once, from the loop, never from here.
  void ask(UpstreamRequest request, Urgency urgency, Done done);

 private:
  struct Transfer;
  struct FreeMulti {
    void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
  };
  struct FreeEvent {
    void operator()(event* e) const;
  };
  using EventPointer = std::unique_ptr<event, FreeEvent>;

  static int on_socket(CURL* easy, curl_socket_t fd, int what, void* self, void* socket);
  static int on_timer(CURLM* multi, long milliseconds, void* self);
  static void on_event(int fd, short what, void* self);
  static void on_timeout(int fd, short what, void* self);
  static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* transfer);
  static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* transfer);

  void start(std::unique_ptr<Transfer> transfer);
  void start_waiting();
  void act(int fd, int mask);
  void finish();

  event_base* base_;
  const config::Upstream upstream_;
  const std::size_t parallel_;
  const Addresses addresses_;
  std::size_t address_ = 0;  // which of them is taken, modulo their number
  EventPointer timer_;
  std::unordered_map<curl_socket_t, EventPointer> sockets_;
  std::deque<std::unique_ptr<Transfer>> urgent_;
  std::deque<std::unique_ptr<Transfer>> waiting_;
  std::unordered_map<CURL*, std::unique_ptr<Transfer>> running_;
  std::size_t running_background_ = 0;
  std::unique_ptr<CURLM, FreeMulti> multi_;  // last: its end calls on_socket
};

}  // namespace layergate::index
