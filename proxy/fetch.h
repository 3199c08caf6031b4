// A question that the proxy itself asks the registry: one GET, its whole answer in memory.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "proxy/relay.h"
#include "proxy/response_reader.h"
#include "proxy/worker.h"

namespace layergate::proxy {

class Fetch final : public Socket::Handler, public Retired {
 public:
  struct Answer {
    int status = 0;  // 0: none came; `problem` says why
    std::string problem;
    std::string link;  // the Link field
    std::string body;
  };
  static constexpr std::size_t kMaxBody = 64U << 20U;

  // `done` is called once, from the loop, unless this is destroyed before; it may destroy this by
  // Worker::retire().
  Fetch(Worker& worker, std::string target, std::function<void(Answer)> done);

  void start();
  void tick(Worker::Clock::time_point now);

  void on_readable(Socket& socket) override;
  void on_writable(Socket& socket) override;

 private:
  void send();
  void read();
  void broke(const std::string& what);
  // False if there is none left, or something was sent already.
  bool try_another_address();
  void take_body();
  void end(Answer answer);

  Worker& worker_;
  std::string target_;
  std::function<void(Answer)> done_;
  std::unique_ptr<UpstreamConnection> upstream_;
  ResponseReader reader_;
  ChunkDecoder decoder_;
  std::string body_;
  bool in_body_ = false;
  bool retried_ = false;
  bool untouched_ = true;  // nothing was sent over upstream_ yet
  std::size_t addresses_tried_ = 1;
  bool over_ = false;
  Worker::Clock::time_point since_;
  Worker::Clock::time_point connecting_since_;
};

}  // namespace layergate::proxy
