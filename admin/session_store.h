// The sessions of the page: who is logged in, in memory only.
//
// A session ends when it is unused or open for too long, when its account opens one too many, and
// when the account's line in the password file is another than at the login, or its account may not
// be used any more (end_unless).
//
// Thread safety: belongs to one thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "auth/keyed_hash.h"

namespace layergate::admin {

class SessionStore {
 public:
  using Clock = std::chrono::steady_clock;

  struct Limits {
    std::chrono::seconds idle{30 * 60};
    std::chrono::seconds longest{12 * 3600};
    std::size_t most = 4096;
    std::size_t most_of_account = 16;  // one more ends the one unused for longest
    int wrong_passwords = 5;
  };
  struct Session {
    std::string account;
    auth::KeyedHash line{};  // of the password file, at the login
    std::string csrf;        // what changes have to carry in X-CSRF-Token
    Clock::time_point opened;
    Clock::time_point used;
    int wrong_passwords = 0;
  };

  explicit SessionStore(const Limits& limits) : limits_(limits) {}

  // The token that goes into the cookie: 256 random bits in hexadecimal digits. Nothing if there
  // are too many sessions. Throws std::runtime_error if OpenSSL has no random bytes.
  std::optional<std::string> open(const std::string& account, const auth::KeyedHash& line,
                                  Clock::time_point now);
  // Counts as a use. Valid until the next change; nullptr if there is no such session (any more).
  const Session* find(std::string_view token, Clock::time_point now);
  void end(std::string_view token);
  // Whoever uses the session gave a wrong password for its account's: after some he is not he.
  void count_wrong_password(std::string_view token);
  // Ends those that are over, and those for which `goes_on` is false.
  void end_unless(const std::function<bool(const Session&)>& goes_on, Clock::time_point now);

  [[nodiscard]] std::size_t size() const { return sessions_.size(); }

 private:
  [[nodiscard]] bool is_over(const Session& session, Clock::time_point now) const {
    return now - session.used >= limits_.idle || now - session.opened >= limits_.longest;
  }
  void make_room_for(const std::string& account);

  const Limits limits_;
  // By the keyed hash of the token: how long a look-up takes tells nothing of any token.
  std::unordered_map<auth::KeyedHash, Session, auth::KeyedHashHasher> sessions_;
};

}  // namespace layergate::admin
