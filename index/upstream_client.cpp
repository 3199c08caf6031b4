#include "index/upstream_client.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include <event2/event.h>

namespace layergate::index {
namespace {

constexpr std::size_t kMostUrgent = 64;
constexpr std::size_t kLargestAnswer = 64U << 20U;  // bytes; the longest lists of tags
constexpr long kConnectSeconds = 10;
constexpr long kSilenceSeconds = 120;  // without a byte

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return text;
}

}  // namespace

struct UpstreamClient::Transfer {
  UpstreamRequest request;
  Urgency urgency = Urgency::background;
  Done done;
  UpstreamAnswer answer;
  bool too_large = false;
  char error[CURL_ERROR_SIZE] = {};
  curl_slist* fields = nullptr;
  curl_slist* connect_to = nullptr;
  std::size_t address = 0;  // which it was sent to
  std::size_t tried = 0;    // addresses that could not be connected to

  Transfer() = default;
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;
  ~Transfer() {
    curl_slist_free_all(fields);
    curl_slist_free_all(connect_to);
  }

  // For another address.
  void reset() {
    curl_slist_free_all(std::exchange(fields, nullptr));
    curl_slist_free_all(std::exchange(connect_to, nullptr));
    answer = {};
    error[0] = '\0';
  }
};

void UpstreamClient::FreeEvent::operator()(event* e) const { event_free(e); }

UpstreamClient::UpstreamClient(event_base* base, const config::Upstream& upstream, int parallel,
                               Addresses addresses)
    : base_(base),
      upstream_(upstream),
      parallel_(static_cast<std::size_t>(parallel)),
      addresses_(std::move(addresses)) {
  curl_global_init(CURL_GLOBAL_DEFAULT);
  multi_.reset(curl_multi_init());
  if (!multi_) throw std::runtime_error("libcurl cannot be started");
  timer_.reset(event_new(base_, -1, 0, on_timeout, this));
  curl_multi_setopt(multi_.get(), CURLMOPT_SOCKETFUNCTION, on_socket);
  curl_multi_setopt(multi_.get(), CURLMOPT_SOCKETDATA, this);
  curl_multi_setopt(multi_.get(), CURLMOPT_TIMERFUNCTION, on_timer);
  curl_multi_setopt(multi_.get(), CURLMOPT_TIMERDATA, this);
}

UpstreamClient::~UpstreamClient() {
  for (const auto& [easy, transfer] : running_) {
    curl_multi_remove_handle(multi_.get(), easy);
    curl_easy_cleanup(easy);
  }
  running_.clear();
}

void UpstreamClient::ask(UpstreamRequest request, Urgency urgency, Done done) {
  auto transfer = std::make_unique<Transfer>();
  transfer->request = std::move(request);
  transfer->urgency = urgency;
  transfer->done = std::move(done);
  (urgency == Urgency::someone_waits ? urgent_ : waiting_).push_back(std::move(transfer));
  start_waiting();
}

void UpstreamClient::start_waiting() {
  while (!urgent_.empty() && running_.size() < kMostUrgent + parallel_) {
    auto next = std::move(urgent_.front());
    urgent_.pop_front();
    start(std::move(next));
  }
  while (!waiting_.empty() && running_background_ < parallel_) {
    auto next = std::move(waiting_.front());
    waiting_.pop_front();
    ++running_background_;
    start(std::move(next));
  }
}

void UpstreamClient::start(std::unique_ptr<Transfer> transfer) {
  CURL* easy = curl_easy_init();
  if (easy == nullptr) throw std::bad_alloc();
  auto& it = *transfer;
  const auto host =
      upstream_.socket.empty() ? upstream_.address.to_string() : std::string("registry");
  const auto set = [&](auto option, auto value) { curl_easy_setopt(easy, option, value); };
  const std::string scheme = upstream_.tls ? "https" : "http";
  set(CURLOPT_URL, (scheme + "://" + host + it.request.target).c_str());
  if (!upstream_.socket.empty()) set(CURLOPT_UNIX_SOCKET_PATH, upstream_.socket.c_str());
  if (upstream_.socket.empty() && addresses_) {
    if (const auto known = addresses_(); !known.empty()) {
      it.address = address_;
      const auto& ip = known[address_ % known.size()];
      const auto port = ":" + std::to_string(upstream_.address.port);
      it.connect_to = curl_slist_append(
          nullptr,
          ("::" + (ip.find(':') == std::string::npos ? ip : "[" + ip + "]") + port).c_str());
      set(CURLOPT_CONNECT_TO, it.connect_to);
    }
  }
  set(CURLOPT_PROTOCOLS_STR, scheme.c_str());
  set(CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
  if (!upstream_.ca.empty()) {
    set(CURLOPT_CAINFO, upstream_.ca.c_str());
    set(CURLOPT_CAPATH, nullptr);        // and nobody else
    set(CURLOPT_CA_CACHE_TIMEOUT, 60L);  // s; the file may change
  }
  set(CURLOPT_PROXY, "");  // whatever the environment says
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_PATH_AS_IS, 1L);
  set(CURLOPT_USERAGENT, "layergate");
  set(CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
  set(CURLOPT_LOW_SPEED_LIMIT, 1L);
  set(CURLOPT_LOW_SPEED_TIME, kSilenceSeconds);
  set(CURLOPT_ERRORBUFFER, it.error);
  set(CURLOPT_WRITEFUNCTION, on_body);
  set(CURLOPT_WRITEDATA, &it);
  set(CURLOPT_HEADERFUNCTION, on_header);
  set(CURLOPT_HEADERDATA, &it);
  const auto add = [&](const std::string& field) {
    it.fields = curl_slist_append(it.fields, field.c_str());
  };
  add("Expect:");
  if (!it.request.accept.empty()) add("Accept: " + it.request.accept);
  if (!it.request.content_type.empty()) add("Content-Type: " + it.request.content_type);
  set(CURLOPT_HTTPHEADER, it.fields);
  if (it.request.method == "HEAD") {
    set(CURLOPT_NOBODY, 1L);
  } else if (it.request.method != "GET") {
    // docs/decisions/0003: whether it was carried out is not known when a kept connection breaks.
    set(CURLOPT_FRESH_CONNECT, 1L);
    set(CURLOPT_CUSTOMREQUEST, it.request.method.c_str());
    if (it.request.method == "PUT") {
      set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(it.request.body.size()));
      set(CURLOPT_POSTFIELDS, it.request.body.data());
    }
  }
  running_.emplace(easy, std::move(transfer));
  curl_multi_add_handle(multi_.get(), easy);
}

std::size_t UpstreamClient::on_body(char* data, std::size_t size, std::size_t count,
                                    void* transfer) {
  auto& it = *static_cast<Transfer*>(transfer);
  if (it.answer.body.size() + size * count > kLargestAnswer) {
    it.too_large = true;
    return 0;
  }
  it.answer.body.append(data, size * count);
  return size * count;
}

std::size_t UpstreamClient::on_header(char* data, std::size_t size, std::size_t count,
                                      void* transfer) {
  auto& answer = static_cast<Transfer*>(transfer)->answer;
  const std::string line(data, size * count);
  const auto colon = line.find(':');
  if (colon != std::string::npos) {
    const auto name = lower(line.substr(0, colon));
    const auto first = line.find_first_not_of(" \t", colon + 1);
    const auto last = line.find_last_not_of(" \t\r\n");
    const auto value =
        first == std::string::npos || last < first ? "" : line.substr(first, last - first + 1);
    if (name == "content-type") answer.content_type = value;
    if (name == "docker-content-digest") answer.digest = value;
    if (name == "link") answer.link = value;
  }
  return size * count;
}

int UpstreamClient::on_socket(CURL* /*easy*/, curl_socket_t fd, int what, void* self,
                              void* /*socket*/) {
  auto& client = *static_cast<UpstreamClient*>(self);
  client.sockets_.erase(fd);
  if (what == CURL_POLL_REMOVE) return 0;
  const auto events = static_cast<short>((what != CURL_POLL_OUT ? EV_READ : 0) |
                                         (what != CURL_POLL_IN ? EV_WRITE : 0) | EV_PERSIST);
  EventPointer watch(event_new(client.base_, fd, events, on_event, self));
  event_add(watch.get(), nullptr);
  client.sockets_.emplace(fd, std::move(watch));
  return 0;
}

int UpstreamClient::on_timer(CURLM* /*multi*/, long milliseconds, void* self) {
  auto& client = *static_cast<UpstreamClient*>(self);
  if (milliseconds < 0) {
    event_del(client.timer_.get());
  } else {
    const timeval when{milliseconds / 1000, (milliseconds % 1000) * 1000};
    event_add(client.timer_.get(), &when);
  }
  return 0;
}

void UpstreamClient::on_event(int fd, short what, void* self) {
  static_cast<UpstreamClient*>(self)->act(fd, ((what & EV_READ) != 0 ? CURL_CSELECT_IN : 0) |
                                                  ((what & EV_WRITE) != 0 ? CURL_CSELECT_OUT : 0));
}

void UpstreamClient::on_timeout(int /*fd*/, short /*what*/, void* self) {
  static_cast<UpstreamClient*>(self)->act(CURL_SOCKET_TIMEOUT, 0);
}

void UpstreamClient::act(int fd, int mask) {
  int running = 0;
  curl_multi_socket_action(multi_.get(), fd, mask, &running);
  finish();
}

void UpstreamClient::finish() {
  int left = 0;
  while (const auto* message = curl_multi_info_read(multi_.get(), &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    CURL* easy = message->easy_handle;
    const auto result = message->data.result;
    const auto found = running_.find(easy);
    auto transfer = std::move(found->second);
    running_.erase(found);
    // Nothing was sent: it may go to the next address.
    if (result == CURLE_COULDNT_CONNECT && addresses_ && ++transfer->tried < addresses_().size()) {
      if (address_ == transfer->address) ++address_;
      curl_multi_remove_handle(multi_.get(), easy);
      curl_easy_cleanup(easy);
      transfer->reset();
      start(std::move(transfer));
      continue;
    }
    if (transfer->urgency == Urgency::background) --running_background_;
    auto& answer = transfer->answer;
    if (result == CURLE_OK) {
      long status = 0;
      curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
      answer.status = static_cast<int>(status);
    } else {
      answer.problem = transfer->too_large          ? "its answer is larger than 64 MiB"
                       : transfer->error[0] != '\0' ? transfer->error
                                                    : curl_easy_strerror(result);
    }
    curl_multi_remove_handle(multi_.get(), easy);
    curl_easy_cleanup(easy);
    transfer->done(std::move(answer));
  }
  start_waiting();
}

}  // namespace layergate::index
