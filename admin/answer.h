// An answer of the admin port, as it goes out.
#pragma once

#include <string>
#include <utility>
#include <vector>

struct evhttp_request;

namespace layergate::admin {

struct Answer {
  int status = 200;
  std::string type;  // of the body
  std::string body;
  std::vector<std::pair<std::string, std::string>> fields = {};
  // Content-Security-Policy; what is no page may do nothing at all.
  std::string policy = "default-src 'none'; frame-ancestors 'none'";
};

// Sends it with the fields that keep browsers careful, and ends the connection. The request is
// evhttp's again. REQUIRES: the loop's thread.
void send(evhttp_request* request, const Answer& answer);

}  // namespace layergate::admin
