#include "admin/session_store.h"

#include <array>
#include <cstdint>
#include <stdexcept>
#include <utility>

#include <openssl/rand.h>

#include "base/hex.h"

namespace layergate::admin {
namespace {

std::string random_token() {
  std::array<std::uint8_t, 32> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) {
    throw std::runtime_error("OpenSSL has no random bytes");
  }
  std::string text;
  append_hex(text, bytes);
  return text;
}

auth::KeyedHash key_of(std::string_view token) {
  return auth::keyed_hash(auth::Purpose::session, {token});
}

}  // namespace

std::optional<std::string> SessionStore::open(const std::string& account,
                                              const auth::KeyedHash& line, Clock::time_point now) {
  end_unless([](const Session&) { return true; }, now);
  make_room_for(account);
  if (sessions_.size() >= limits_.most) return std::nullopt;
  auto token = random_token();
  sessions_[key_of(token)] = {account, line, random_token(), now, now, 0};
  return token;
}

void SessionStore::make_room_for(const std::string& account) {
  std::size_t own = 0;
  auto oldest = sessions_.end();
  for (auto at = sessions_.begin(); at != sessions_.end(); ++at) {
    if (at->second.account != account) continue;
    ++own;
    if (oldest == sessions_.end() || at->second.used < oldest->second.used) oldest = at;
  }
  if (own >= limits_.most_of_account) sessions_.erase(oldest);
}

const SessionStore::Session* SessionStore::find(std::string_view token, Clock::time_point now) {
  const auto found = sessions_.find(key_of(token));
  if (found == sessions_.end()) return nullptr;
  if (is_over(found->second, now)) {
    sessions_.erase(found);
    return nullptr;
  }
  found->second.used = now;
  return &found->second;
}

void SessionStore::end(std::string_view token) { sessions_.erase(key_of(token)); }

void SessionStore::count_wrong_password(std::string_view token) {
  const auto found = sessions_.find(key_of(token));
  if (found == sessions_.end()) return;
  if (++found->second.wrong_passwords >= limits_.wrong_passwords) sessions_.erase(found);
}

void SessionStore::end_unless(const std::function<bool(const Session&)>& goes_on,
                              Clock::time_point now) {
  std::erase_if(sessions_, [&](const auto& each) {
    return is_over(each.second, now) || !goes_on(each.second);
  });
}

}  // namespace layergate::admin
