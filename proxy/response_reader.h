// Reads the head of an upstream's response from its connection.
#pragma once

#include <string>

#include <tl/expected.hpp>

#include "proxy/head_scanner.h"
#include "proxy/response_head.h"
#include "proxy/upstream_pool.h"

namespace layergate::proxy {

class ResponseReader {
 public:
  enum class Result : std::uint8_t { partial, complete, closed, failed, malformed };

  // Receives what is there. Interim responses (1xx) are skipped. When complete, head() is the
  // response's and what was received behind it is left in connection.in.
  Result read(UpstreamConnection& connection, Method to);

  [[nodiscard]] const ResponseHead& head() const { return head_; }       // views into this reader
  [[nodiscard]] const std::string& problem() const { return problem_; }  // malformed: what is
  // Whether anything at all has come: then a request must not be repeated.
  [[nodiscard]] bool started() const { return started_; }

 private:
  HeadScanner scanner_;
  std::string text_;
  ResponseHead head_;
  std::string problem_;
  bool started_ = false;
};

}  // namespace layergate::proxy
