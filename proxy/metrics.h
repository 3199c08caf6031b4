// Counters of the running proxy, for /metrics.
//
// Thread safety: all members may be used from any thread; a reader sees each counter, not all of
// them at one instant.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>

namespace layergate::proxy {

struct HandshakeCounters {
  std::atomic<std::uint64_t> full{};
  std::atomic<std::uint64_t> resumed{};
  std::atomic<std::uint64_t> failed{};
};

struct Metrics {
  using Counter = std::atomic<std::uint64_t>;

  std::array<Counter, 6> requests{};  // by the status' first digit; [0]: cut off before one
  Counter denied{};                   // 401, 403 and hidden 404s by the policy
  Counter bytes_in{};                 // of request bodies
  Counter bytes_out{};                // of response bodies
  Counter connections_opened{};
  Counter connections_refused{};  // over limits.connections
  std::atomic<std::int64_t> connections{};
  HandshakeCounters handshakes;  // of clients
  Counter upstream_failures{};   // no connection, a broken or an unusable answer

  // In the Prometheus text format 0.0.4.
  [[nodiscard]] std::string to_text() const;
};

}  // namespace layergate::proxy
