// Proves that what was unpacked from a backup is of use.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "backup/relocate.h"
#include "backup/unpack.h"
#include "base/fd.h"
#include "base/problem.h"
#include "manage/failure.h"

namespace layergate::backup {

struct Examined {
  Unpacked archive;
  std::uint64_t bytes = 0;  // of all members
  std::size_t rules = 0;
  std::size_t accounts = 0;
  std::size_t passwords = 0;
  std::vector<std::string> databases;  // those that were checked
  Relocated layergate_yml;
  // Today's, of a policy that was valid when it was backed up: a test of it may speak of an account
  // that has expired since.
  std::vector<Problem> warnings;
};

// Unpacks into `dir` (as unpack() does), writes its layergate.yml anew where it has to
// (relocate.h), and checks all of it: the configuration, the policy with its tests at the time of
// the backup, the password file, the databases.
tl::expected<Examined, manage::Failure> examine(int in, const std::string& name,
                                                const std::filesystem::path& dir);
// The same in a directory that goes again. `file` may be "-" for standard input.
tl::expected<Examined, manage::Failure> verify(const std::filesystem::path& file);

// Opens an archive; "-" is standard input.
tl::expected<Fd, manage::Failure> open_archive(const std::filesystem::path& file);

}  // namespace layergate::backup
