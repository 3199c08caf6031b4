#include "cli/remote_client.h"

#include <unistd.h>

#include <cstdlib>
#include <new>
#include <utility>

#include "api/problem.h"
#include "base/address.h"
#include "base/percent.h"
#include "base/read_file.h"
#include "cli/output.h"
#include "cli/read_password.h"

namespace layergate::cli {
namespace {

constexpr std::size_t kMostBytes = std::size_t{64} << 20;
constexpr long kConnectSeconds = 10;
constexpr long kSilentSeconds = 60;

using Kind = manage::Failure::Kind;

struct Answer {
  std::string body;
  std::string etag;
  std::string location;
  bool too_long = false;
};

std::size_t take_body(char* data, std::size_t size, std::size_t count, void* target) {
  auto& answer = *static_cast<Answer*>(target);
  answer.too_long = answer.body.size() + size * count > kMostBytes;
  if (answer.too_long) return 0;
  answer.body.append(data, size * count);
  return size * count;
}

// The value of a field, if the line is that field's.
std::optional<std::string> value_of(std::string_view line, std::string_view name) {
  if (line.size() <= name.size() || line[name.size()] != ':' ||
      ::strncasecmp(line.data(), name.data(), name.size()) != 0) {
    return std::nullopt;
  }
  line.remove_prefix(name.size() + 1);
  const auto first = line.find_first_not_of(" \t");
  const auto last = line.find_last_not_of(" \t\r\n");
  if (first == std::string_view::npos || last < first) return "";
  return std::string(line.substr(first, last - first + 1));
}

std::size_t take_field(char* data, std::size_t size, std::size_t count, void* target) {
  auto& answer = *static_cast<Answer*>(target);
  const std::string_view line(data, size * count);
  if (auto etag = value_of(line, "etag")) answer.etag = *std::move(etag);
  if (auto location = value_of(line, "location")) answer.location = *std::move(location);
  return size * count;
}

struct Url {
  std::string base;
  std::string host;
  bool is_plain = false;  // http
};

tl::expected<Url, std::string> parse_url(const std::string& text) {
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> url(curl_url(), curl_url_cleanup);
  if (!url) throw std::bad_alloc();
  const auto part = [&](CURLUPart which) -> std::string {
    char* value = nullptr;
    if (curl_url_get(url.get(), which, &value, 0) != CURLUE_OK) return "";
    std::string copy(value);
    curl_free(value);
    return copy;
  };
  const bool parsed = curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0) == CURLUE_OK;
  const auto scheme = part(CURLUPART_SCHEME);
  if (!parsed || (scheme != "http" && scheme != "https")) {
    return tl::unexpected("--api-url takes a URL as https://gate.example:8080, not " + text);
  }
  if (!part(CURLUPART_USER).empty() || !part(CURLUPART_PASSWORD).empty()) {
    return tl::unexpected<std::string>(
        "no account in --api-url: name it with --api-user; the password comes from "
        "$LAYERGATE_API_PASSWORD_FILE, ~/.netrc or the terminal");
  }
  if (!part(CURLUPART_QUERY).empty() || !part(CURLUPART_FRAGMENT).empty()) {
    return tl::unexpected("--api-url has neither ? nor #: " + text);
  }
  auto base = text;
  while (base.ends_with('/')) base.pop_back();
  return Url{base + "/api/v1", part(CURLUPART_HOST), scheme == "http"};
}

bool is_loopback(std::string host) {
  if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
  const auto address = IpAddress::parse(host);
  return host == "localhost" || host == "::1" ||
         (address && address->is_v4() && address->bytes()[12] == 127);
}

tl::expected<auth::Secret, manage::Failure> read_password_file() {
  const char* file = std::getenv("LAYERGATE_API_PASSWORD_FILE");
  if (file == nullptr || *file == '\0') return auth::Secret();
  constexpr std::size_t kMost = 4096;
  auto text = read_file(file, kMost);
  if (!text) return manage::failed(Kind::io, std::string(file) + ": " + text.error());
  std::string& secret = *text;
  const auth::Cleanser cleanser(secret.data(), secret.size());
  const auto line = std::string_view(secret).substr(0, secret.find_first_of("\r\n"));
  if (line.empty()) {
    return manage::failed(Kind::usage, std::string(file) + ": its first line is empty");
  }
  return auth::Secret(line);
}

}  // namespace

tl::expected<std::unique_ptr<RemoteClient>, manage::Failure> RemoteClient::make(
    const Globals& globals) {
  auto url = parse_url(globals.api_url);
  if (!url) return manage::failed(Kind::usage, url.error());
  auto password = read_password_file();
  if (!password) return tl::unexpected(password.error());
  if (!password->empty() && globals.api_user.empty()) {
    return manage::failed(
        Kind::usage,
        "whose password is in $LAYERGATE_API_PASSWORD_FILE? Name the account with --api-user or "
        "$LAYERGATE_API_USER");
  }
  const bool local = is_loopback(url->host);
  if (url->is_plain && !local) {
    print_note("http:// sends the password so that the network can read it; use https://");
  }
  std::unique_ptr<RemoteClient> client(
      new RemoteClient(globals, std::move(url->base), *std::move(password)));
  // A proxy for the internet has nothing to do with this machine's own ports.
  if (local) curl_easy_setopt(client->curl_.get(), CURLOPT_PROXY, "");
  return client;
}

RemoteClient::RemoteClient(const Globals& globals, std::string base, auth::Secret password)
    : globals_(globals),
      base_(std::move(base)),
      password_(std::move(password)),
      curl_(curl_easy_init()) {
  if (!curl_) throw std::bad_alloc();
  auto* curl = curl_.get();
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, kSilentSeconds);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  // Or an account named ".." would make it ask for something else.
  curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_field);
  if (!globals.api_ca.empty()) {
    curl_easy_setopt(curl, CURLOPT_CAINFO, globals.api_ca.c_str());
  }
}

void RemoteClient::set_credential() {
  auto* curl = curl_.get();
  curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
  if (password_.empty()) {
    curl_easy_setopt(curl, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_OPTIONAL));
    return;
  }
  curl_easy_setopt(curl, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  curl_easy_setopt(curl, CURLOPT_USERNAME, globals_.api_user.c_str());
  curl_easy_setopt(curl, CURLOPT_PASSWORD, std::string(password_.view()).c_str());
}

api::Reply RemoteClient::call(api::Call call) {
  auto reply = send(call);
  if (reply.status != 401 || !password_.empty()) return reply;
  if (globals_.api_user.empty()) {
    return api::problem(401, "unauthorized",
                        "who are you? Name your account with --api-user or $LAYERGATE_API_USER");
  }
  std::string problem;
  auto password = ask_for_known_password(globals_.api_user, problem);
  if (!password) return api::problem(401, "unauthorized", problem);
  std::string& secret = *password;
  const auth::Cleanser cleanser(secret.data(), secret.size());
  password_ = auth::Secret(*password);
  return send(call);
}

api::Reply RemoteClient::send(const api::Call& call) {
  auto url = base_;
  // ~/.netrc is only searched for the password of an account that stands in the URL.
  if (password_.empty() && !globals_.api_user.empty()) {
    url.insert(url.find("://") + 3, percent_encode(globals_.api_user) + '@');
  }
  for (const auto& segment : call.path) url += '/' + percent_encode(segment);
  char separator = '?';
  for (const auto& [name, value] : call.query) {
    url += separator + percent_encode(name) + '=' + percent_encode(value);
    separator = '&';
  }
  std::unique_ptr<curl_slist, Free> fields;
  const auto add = [&](const std::string& line) {
    auto* list = curl_slist_append(fields.get(), line.c_str());
    if (list == nullptr) throw std::bad_alloc();
    static_cast<void>(fields.release());
    fields.reset(list);
  };
  add("Accept: application/json, application/problem+json");
  add("Expect:");
  if (call.method != "GET") add("X-Layergate-Request: 1");
  if (call.body) add("Content-Type: application/json");
  if (call.if_match) add("If-Match: " + *call.if_match);

  auto* curl = curl_.get();
  set_credential();
  Answer answer;
  const auto body =
      call.body ? call.body->dump(-1, ' ', false, api::Json::error_handler_t::replace) : "";
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, fields.get());
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &answer);
  curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);  // takes back what the call before has set
  if (call.method == "POST" || call.body) {
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
    curl_easy_setopt(curl, CURLOPT_COPYPOSTFIELDS, body.c_str());
  }
  curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, call.method.c_str());
  const auto result = curl_easy_perform(curl);
  if (answer.too_long) return api::problem(502, "io", globals_.api_url + ": a far too long answer");
  if (result != CURLE_OK) {
    return api::problem(502, "io",
                        globals_.api_url + ": " + curl_easy_strerror(result) +
                            (result == CURLE_COULDNT_CONNECT
                                 ? "; is layergate serve running, and its admin.address "
                                   "to be reached from here?"
                                 : ""));
  }
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  api::Reply reply;
  reply.status = static_cast<int>(status);
  reply.etag = std::move(answer.etag);
  reply.location = std::move(answer.location);
  if (status == 204) return reply;
  reply.body = api::Json::parse(answer.body, nullptr, false);
  // The registry's port answers with JSON, too.
  const bool is_ours =
      status < 300 ? !reply.body.is_discarded()
                   : status >= 400 && reply.body.is_object() && reply.body.contains("detail");
  if (is_ours) return reply;
  return api::problem(502, "io",
                      globals_.api_url + " answers " + std::to_string(status) +
                          ", and not as a gate does: is --api-url that of an admin "
                          "port?");
}

}  // namespace layergate::cli
