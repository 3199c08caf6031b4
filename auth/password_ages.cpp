#include "auth/password_ages.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <stdexcept>

#include <openssl/evp.h>

#include "base/hex.h"

namespace layergate::auth {
namespace {

constexpr SmallDatabaseForm kForm{
    0x4c476163,  // "LGac"
    "CREATE TABLE passwords(account TEXT NOT NULL, line TEXT NOT NULL, since INTEGER NOT NULL,"
    " PRIMARY KEY(account, line)) WITHOUT ROWID"};
// A line that is gone is remembered so long: who puts an old backup of the file back, or an old
// password, gets its old age back as well.
constexpr std::chrono::hours kMemory{24 * 365};

std::string line_key(std::string_view account, std::string_view hash) {
  const auto line = std::string(account) + ":" + std::string(hash);
  std::array<std::uint8_t, 32> digest{};
  if (EVP_Digest(line.data(), line.size(), digest.data(), nullptr, EVP_sha256(), nullptr) != 1) {
    throw std::runtime_error("OpenSSL has no SHA-256");
  }
  std::string text;
  append_hex(text, digest);
  return text;
}

std::int64_t number(WallTime time) { return time.time_since_epoch().count(); }

}  // namespace

OldPasswords old_passwords(const PasswordTimes& times, std::chrono::hours most, WallTime now) {
  OldPasswords old;
  if (most.count() == 0) return old;
  for (const auto& [account, since] : times) {
    if (since + most <= now) {
      old.accounts.push_back(account);
    } else {
      old.next = std::min(old.next, since + most);
    }
  }
  return old;
}

PasswordAges::PasswordAges(const std::filesystem::path& state)
    : db_(open_small_database(state / "accounts.db", kForm)) {}

PasswordTimes PasswordAges::note(const Htpasswd& htpasswd, WallTime now) {
  PasswordTimes times;
  std::map<std::string, std::string> lines;  // what is not known yet, by account
  {
    SQLite::Statement find(db_, "SELECT since FROM passwords WHERE account = ? AND line = ?");
    for (const auto& user : htpasswd.users()) {
      auto key = line_key(user, *htpasswd.find(user));
      find.reset();
      find.bind(1, user);
      find.bind(2, key);
      if (find.executeStep()) {
        times[user] = WallTime(std::chrono::milliseconds(find.getColumn(0).getInt64()));
      } else {
        lines.emplace(user, std::move(key));
      }
    }
  }
  if (lines.empty()) return times;
  SQLite::Transaction transaction(db_, SQLite::TransactionBehavior::IMMEDIATE);
  SQLite::Statement forget(db_, "DELETE FROM passwords WHERE account = ? AND since < ?");
  SQLite::Statement add(db_, "INSERT OR IGNORE INTO passwords VALUES(?, ?, ?)");
  for (const auto& [user, key] : lines) {
    forget.reset();
    forget.bind(1, user);
    forget.bind(2, number(now - kMemory));
    forget.exec();
    add.reset();
    add.bind(1, user);
    add.bind(2, key);
    add.bind(3, number(now));
    add.exec();
    times[user] = now;
  }
  transaction.commit();
  return times;
}

}  // namespace layergate::auth
