#include "records/webhook.h"

#include <array>
#include <memory>
#include <utility>

#include <curl/curl.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <spdlog/spdlog.h>

#include "base/hex.h"

namespace layergate::records {
namespace {

constexpr std::size_t kMostWaiting = 1000;
constexpr long kConnectSeconds = 5;
constexpr long kSeconds = 10;
constexpr std::array<std::chrono::milliseconds, 4> kPauses{
    std::chrono::seconds{1}, std::chrono::seconds{5}, std::chrono::seconds{20},
    std::chrono::seconds{60}};

// "https://host:port", of an address that the configuration has checked.
std::string host_of(const std::string& url) {
  const auto begin = url.find("://") + 3;
  const auto end = url.find_first_of("/?#", begin);
  const auto authority = url.substr(begin, end == std::string::npos ? end : end - begin);
  const auto at = authority.rfind('@');
  return url.substr(0, begin) + (at == std::string::npos ? authority : authority.substr(at + 1));
}

std::string signature(const std::string& secret, const std::string& body) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
  unsigned length = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
       reinterpret_cast<const unsigned char*>(body.data()), body.size(), out.data(), &length);
  std::string text = "X-Layergate-Signature: sha256=";
  append_hex(text, {out.data(), length});
  return text;
}

struct FreeFields {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
struct FreeEasy {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};

void add(std::unique_ptr<curl_slist, FreeFields>& fields, const std::string& line) {
  auto* longer = curl_slist_append(fields.get(), line.c_str());
  if (longer == nullptr) return;
  static_cast<void>(fields.release());
  fields.reset(longer);
}

std::size_t ignore(char* /*data*/, std::size_t size, std::size_t count, void* /*self*/) {
  return size * count;
}

}  // namespace

Webhook::Webhook(std::string url, std::string secret)
    : url_(std::move(url)), host_(host_of(url_)), secret_(std::move(secret)) {
  curl_global_init(CURL_GLOBAL_DEFAULT);
  thread_ = std::thread([this] { run(); });
}

Webhook::~Webhook() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void Webhook::send(std::string body) {
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() >= kMostWaiting) {
      spdlog::warn("webhook {}: too much waits; what is newer is not sent", host_);
      return;
    }
    waiting_.push_back(std::move(body));
  }
  wake_.notify_all();
}

// False: the end has come.
bool Webhook::wait(std::chrono::milliseconds pause) {
  std::unique_lock lock(mutex_);
  return !wake_.wait_for(lock, pause, [this] { return stopping_; });
}

void Webhook::run() {
  while (true) {
    std::string body;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
      if (stopping_) return;
      body = std::move(waiting_.front());
      waiting_.pop_front();
    }
    auto problem = post(body);
    for (const auto pause : kPauses) {
      if (problem.empty()) break;
      if (!wait(pause)) return;
      problem = post(body);
    }
    if (!problem.empty()) spdlog::error("webhook {}: given up: {}", host_, problem);
  }
}

std::string Webhook::post(const std::string& body) {
  const std::unique_ptr<CURL, FreeEasy> easy(curl_easy_init());
  if (!easy) return "no memory";
  std::unique_ptr<curl_slist, FreeFields> fields;
  add(fields, "Content-Type: application/json");
  add(fields, "Expect:");
  if (!secret_.empty()) add(fields, signature(secret_, body));
  const auto set = [&](CURLoption option, auto value) {
    curl_easy_setopt(easy.get(), option, value);
  };
  set(CURLOPT_URL, url_.c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_USERAGENT, "layergate");
  set(CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
  set(CURLOPT_TIMEOUT, kSeconds);
  set(CURLOPT_HTTPHEADER, fields.get());
  set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
  set(CURLOPT_POSTFIELDS, body.data());
  set(CURLOPT_WRITEFUNCTION, ignore);
  const auto result = curl_easy_perform(easy.get());
  if (result != CURLE_OK) return curl_easy_strerror(result);
  long status = 0;
  curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &status);
  return status >= 200 && status < 300 ? "" : "it answered " + std::to_string(status);
}

}  // namespace layergate::records
