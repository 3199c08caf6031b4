// Changes one user's line in a password file, leaving all others as they are.
//
// Writers exclude each other by flock() on "<file>.lock", which stays; the file itself is replaced
// in one step, so a reader needs no lock. The rest of the file is not judged: a line that
// Htpasswd::load would refuse stays, and does not keep a password from being changed.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "base/file_lock.h"

namespace layergate::auth {

enum class LineChange : std::uint8_t { added, replaced, removed, absent };

// Gives the user this hash: in place of his line, keeping its place (further lines of the same
// user, which make a file invalid, go), else at the end. Makes the file (mode 0640) if it does not
// exist. Returns added or replaced. An error says what is wrong and leaves the file as it was: a
// name or a hash that Htpasswd would refuse, a file that cannot be read or written, a lock that is
// held for longer than `patience`.
tl::expected<LineChange, std::string> set_user(const std::filesystem::path& file,
                                               std::string_view user, std::string_view hash,
                                               std::chrono::milliseconds patience = kLockPatience);

// The same for many at once, in one step.
tl::expected<void, std::string> set_users(const std::filesystem::path& file,
                                          const std::map<std::string, std::string>& hashes,
                                          std::chrono::milliseconds patience = kLockPatience);

// Returns removed (all of the user's lines) or absent.
tl::expected<LineChange, std::string> remove_user(
    const std::filesystem::path& file, std::string_view user,
    std::chrono::milliseconds patience = kLockPatience);

// What the writers of a file lock. REQUIRES: the path is no link (resolve_links).
inline std::filesystem::path lock_of_htpasswd(std::filesystem::path file) {
  return file += ".lock";
}

}  // namespace layergate::auth
