#include "admin/request.h"

#include <sys/queue.h>

#include <algorithm>

#include <event2/buffer.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>

#include "proxy/fields.h"
#include "proxy/http.h"

namespace layergate::admin {
namespace {

std::string method_of(evhttp_cmd_type command) {
  switch (command) {
    case EVHTTP_REQ_GET:
      return "GET";
    case EVHTTP_REQ_HEAD:
      return "HEAD";
    case EVHTTP_REQ_POST:
      return "POST";
    case EVHTTP_REQ_PUT:
      return "PUT";
    case EVHTTP_REQ_PATCH:
      return "PATCH";
    case EVHTTP_REQ_DELETE:
      return "DELETE";
    case EVHTTP_REQ_OPTIONS:
      return "OPTIONS";
    case EVHTTP_REQ_TRACE:
    case EVHTTP_REQ_CONNECT:
      break;
  }
  return "";
}

std::string text_or_empty(const char* text) { return text == nullptr ? "" : text; }

}  // namespace

Request Request::of(evhttp_request* request) {
  Request out;
  out.method = method_of(evhttp_request_get_command(request));
  if (const auto* uri = evhttp_request_get_evhttp_uri(request); uri != nullptr) {
    // "GET http://host/path" is for proxies: what has a host of its own gets no path here.
    if (evhttp_uri_get_host(uri) == nullptr) out.path = text_or_empty(evhttp_uri_get_path(uri));
    out.query = text_or_empty(evhttp_uri_get_query(uri));
  }
  const auto* fields = evhttp_request_get_input_headers(request);
  for (const auto* field = fields->tqh_first; field != nullptr; field = field->next.tqe_next) {
    out.fields.emplace_back(field->key, field->value);
  }
  auto* body = evhttp_request_get_input_buffer(request);
  out.body.resize(evbuffer_get_length(body));
  evbuffer_remove(body, out.body.data(), out.body.size());
  if (auto* connection = evhttp_request_get_connection(request); connection != nullptr) {
    const auto* address = evhttp_connection_get_addr(connection);
    if (const auto peer = IpAddress::from(address)) out.peer = *peer;
  }
  return out;
}

const std::string* Request::field(std::string_view name) const {
  const auto found = std::find_if(fields.begin(), fields.end(), [&](const auto& each) {
    return proxy::iequals(each.first, name);
  });
  return found == fields.end() ? nullptr : &found->second;
}

std::vector<std::string_view> Request::list(std::string_view name) const {
  std::vector<std::string_view> elements;
  for (const auto& [key, value] : fields) {
    if (proxy::iequals(key, name)) proxy::split_list(value, elements);
  }
  return elements;
}

std::optional<std::string> Request::cookie(std::string_view name) const {
  for (const auto& [key, value] : fields) {
    if (!proxy::iequals(key, "Cookie")) continue;
    std::string_view rest = value;
    while (!rest.empty()) {
      const auto end = std::min(rest.find(';'), rest.size());
      const auto pair = proxy::trim(rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
      const auto equals = pair.find('=');
      if (equals != std::string_view::npos && pair.substr(0, equals) == name) {
        return std::string(pair.substr(equals + 1));
      }
    }
  }
  return std::nullopt;
}

bool Request::is_of_page() const {
  return field("Sec-Fetch-Site") != nullptr || field("X-Layergate-Request") != nullptr ||
         field("Origin") != nullptr;
}

}  // namespace layergate::admin
