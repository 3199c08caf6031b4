// When each account's password was set: state/accounts.db.
//
// A line of htpasswd that was never seen before counts as set when it is first seen, so that a
// password changed by hand, by htpasswd or by the program are all noticed alike. Kept is a hash of
// each line, never the line.
//
// Thread safety: belongs to one thread. Throws std::runtime_error where the disk fails.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "auth/htpasswd.h"
#include "base/clock.h"
#include "base/small_database.h"

namespace layergate::auth {

using PasswordTimes = std::map<std::string, WallTime, std::less<>>;  // by account

// Whose password is older than `most`; nobody's if that is 0.
struct OldPasswords {
  std::vector<std::string> accounts;
  WallTime next = WallTime::max();  // when there will be one more
};
OldPasswords old_passwords(const PasswordTimes& times, std::chrono::hours most, WallTime now);

class PasswordAges {
 public:
  // `state`: the directory.
  explicit PasswordAges(const std::filesystem::path& state);

  // When each line of the file was set. What is new there is set `now`; a line that comes back
  // within a year is as old as it was.
  PasswordTimes note(const Htpasswd& htpasswd, WallTime now);

 private:
  SQLite::Database db_;
};

}  // namespace layergate::auth
