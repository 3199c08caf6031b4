// Tells another machine of anomalies, as JSON by HTTP POST, from a thread of its own.
//
// What cannot be delivered is tried five times within about two minutes and then given up; it
// stands in the records all the same. Neither the address' path nor the secret is ever logged.
//
// Thread safety: send() may be called from any thread.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <thread>

namespace layergate::records {

class Webhook {
 public:
  // With a secret each request carries "X-Layergate-Signature: sha256=<HMAC of the body>".
  Webhook(std::string url, std::string secret);
  // Gives up what waits.
  ~Webhook();
  Webhook(const Webhook&) = delete;
  Webhook& operator=(const Webhook&) = delete;

  void send(std::string body);

 private:
  void run();
  // Empty, or why it was not taken.
  std::string post(const std::string& body);
  bool wait(std::chrono::milliseconds pause);

  const std::string url_;
  const std::string host_;  // for the log
  const std::string secret_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::string> waiting_;  // guarded by mutex_, as is the next one
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace layergate::records
