#include "admin/answer.h"

#include <memory>

#include <event2/buffer.h>
#include <event2/http.h>

#include "base/reason_phrase.h"

namespace layergate::admin {

void send(evhttp_request* request, const Answer& answer) {
  auto* fields = evhttp_request_get_output_headers(request);
  const auto add = [&](const char* name, const std::string& value) {
    evhttp_add_header(fields, name, value.c_str());
  };
  if (!answer.type.empty()) add("Content-Type", answer.type);
  add("Cache-Control", "no-store");
  add("X-Content-Type-Options", "nosniff");
  add("X-Frame-Options", "DENY");
  add("Content-Security-Policy", answer.policy);
  add("Cross-Origin-Resource-Policy", "same-origin");
  add("Referrer-Policy", "no-referrer");
  for (const auto& [name, value] : answer.fields) add(name.c_str(), value);
  add("Connection", "close");
  // evhttp would send a body to HEAD too.
  if (answer.status != 204) add("Content-Length", std::to_string(answer.body.size()));
  const std::unique_ptr<evbuffer, decltype(&evbuffer_free)> buffer(evbuffer_new(), evbuffer_free);
  if (evhttp_request_get_command(request) != EVHTTP_REQ_HEAD) {
    evbuffer_add(buffer.get(), answer.body.data(), answer.body.size());
  }
  evhttp_send_reply(request, answer.status, std::string(reason_phrase(answer.status)).c_str(),
                    buffer.get());
}

}  // namespace layergate::admin
