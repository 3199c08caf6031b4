#include "proxy/response_reader.h"

#include <utility>

namespace layergate::proxy {

ResponseReader::Result ResponseReader::read(UpstreamConnection& connection, Method to) {
  while (true) {
    switch (scanner_.scan(connection.in.view())) {
      case HeadScanner::Result::complete: {
        text_ = connection.in.view().substr(0, scanner_.size());
        connection.in.consume(scanner_.size());
        scanner_.reset();
        auto head = parse_response_head(text_, to);
        if (!head) {
          problem_ = std::move(head.error());
          return Result::malformed;
        }
        if (head->status < 200) continue;
        head_ = *std::move(head);
        return Result::complete;
      }
      case HeadScanner::Result::bad:
      case HeadScanner::Result::long_line:
      case HeadScanner::Result::too_large:
        problem_ = "a malformed or oversized head";
        return Result::malformed;
      case HeadScanner::Result::partial:
        break;
    }
    const auto result = connection.socket.receive(connection.in, 16 * 1024);
    switch (result.io) {
      case Socket::Io::ok:
        started_ = true;
        break;
      case Socket::Io::again:
        return Result::partial;
      case Socket::Io::closed:
        return Result::closed;
      case Socket::Io::failed:
        return Result::failed;
    }
  }
}

}  // namespace layergate::proxy
