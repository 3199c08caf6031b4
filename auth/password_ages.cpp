#include "auth/password_ages.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <stdexcept>

#include <openssl/evp.h>

#include "base/hex.h"

namespace layergate::auth {
namespace {

constexpr std::array<const char*, 1> kMigrations{
    "CREATE TABLE passwords(account TEXT NOT NULL, line TEXT NOT NULL, since INTEGER NOT NULL,"
    " PRIMARY KEY(account, line)) WITHOUT ROWID"};
constexpr sqlite::Form kForm{
    0x4c476163,  // "LGac"
    kMigrations,
    "is another program's file; move it away",
    "was written by a newer Layergate",
    "; move it away: all passwords count as set when it is made anew",
};
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
    : db_(sqlite::open(state / "accounts.db", sqlite::Mode::write, kForm)) {}

PasswordTimes PasswordAges::note(const Htpasswd& htpasswd, WallTime now) {
  PasswordTimes times;
  std::map<std::string, std::string> lines;  // what is not known yet, by account
  SQLite::Statement find(db_, "SELECT since FROM passwords WHERE account = ? AND line = ?");
  const auto look_up = [&](const std::string& user, const std::string& key) {
    find.bind(1, user);
    find.bind(2, key);
    const bool known = find.executeStep();
    if (known) times[user] = WallTime(std::chrono::milliseconds(find.getColumn(0).getInt64()));
    find.reset();
    return known;
  };
  for (const auto& user : htpasswd.users()) {
    auto key = line_key(user, *htpasswd.find(user));
    if (!look_up(user, key)) lines.emplace(user, std::move(key));
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
    // Another thread or program may have been first: its time is what all are told.
    look_up(user, key);
  }
  transaction.commit();
  return times;
}

}  // namespace layergate::auth
