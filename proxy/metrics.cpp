#include "proxy/metrics.h"

namespace layergate::proxy {
namespace {

void add(std::string& out, const char* name, const char* type, const char* help,
         const std::string& value) {
  out += std::string("# HELP ") + name + " " + help + "\n# TYPE " + name + " " + type + "\n" +
         name + " " + value + "\n";
}

}  // namespace

std::string Metrics::to_text() const {
  std::string out =
      "# HELP layergate_requests_total Requests by the class of their answer; none: cut off.\n"
      "# TYPE layergate_requests_total counter\n";
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const auto label = i == 0 ? std::string("none") : std::to_string(i) + "xx";
    out += "layergate_requests_total{status=\"" + label + "\"} " +
           std::to_string(requests[i].load()) + "\n";
  }
  const auto counter = [&](const char* name, const char* help, const Counter& value) {
    add(out, name, "counter", help, std::to_string(value.load()));
  };
  counter("layergate_denied_total", "Requests that the policy or the credentials refused.", denied);
  out +=
      "# HELP layergate_body_bytes_total Bytes of request (in) and response (out) bodies.\n"
      "# TYPE layergate_body_bytes_total counter\n"
      "layergate_body_bytes_total{direction=\"in\"} " +
      std::to_string(bytes_in.load()) + "\nlayergate_body_bytes_total{direction=\"out\"} " +
      std::to_string(bytes_out.load()) + "\n";
  counter("layergate_connections_opened_total", "Clients that connected.", connections_opened);
  counter("layergate_connections_refused_total", "Clients turned away at limits.connections.",
          connections_refused);
  add(out, "layergate_connections", "gauge", "Clients connected now.",
      std::to_string(connections.load()));
  out +=
      "# HELP layergate_tls_handshakes_total TLS handshakes of clients, by how they ended.\n"
      "# TYPE layergate_tls_handshakes_total counter\n"
      "layergate_tls_handshakes_total{kind=\"full\"} " +
      std::to_string(handshakes.full.load()) +
      "\nlayergate_tls_handshakes_total{kind=\"resumed\"} " +
      std::to_string(handshakes.resumed.load()) +
      "\nlayergate_tls_handshakes_total{kind=\"failed\"} " +
      std::to_string(handshakes.failed.load()) + "\n";
  counter("layergate_upstream_failures_total", "Requests that the registry did not answer rightly.",
          upstream_failures);
  return out;
}

}  // namespace layergate::proxy
